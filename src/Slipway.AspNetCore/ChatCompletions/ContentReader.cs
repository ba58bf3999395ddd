using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Reads the content of a message: a text, or parts of several kinds.</summary>
internal static class ContentReader
{
    private static readonly Dictionary<string, string> AudioTypes = new(StringComparer.Ordinal)
    {
        ["wav"] = "audio/wav", ["mp3"] = "audio/mpeg",
    };

    // One row a kind of part.
    private static readonly Dictionary<string, Func<JsonElement, string, AIContent>> Parts = new(StringComparer.Ordinal)
    {
        ["text"] = (part, path) => new TextContent(Text(part, path, "text")),
        ["input_text"] = (part, path) => new TextContent(Text(part, path, "text")),
        ["output_text"] = (part, path) => new TextContent(Text(part, path, "text")),
        ["refusal"] = (part, path) => new TextContent(Text(part, path, "refusal")),
        ["image_url"] = (part, path) => Image(
            Text(Member(part, path, "image_url"), $"{path}.image_url", "url"), $"{path}.image_url.url"),
        ["input_image"] = (part, path) => Image(Text(part, path, "image_url"), $"{path}.image_url"),
        ["input_audio"] = (part, path) => Audio(Member(part, path, "input_audio"), $"{path}.input_audio"),
    };

    /// <summary>Reads a content; none where it is missing or null.</summary>
    /// <exception cref="OpenAIException">The content has another form.</exception>
    public static List<AIContent> Read(JsonElement content, string path) => content.ValueKind switch
    {
        JsonValueKind.Undefined or JsonValueKind.Null => [],
        JsonValueKind.String => [new TextContent(content.GetString())],
        JsonValueKind.Array => [.. content.EnumerateArray().Select((part, index) => Part(part, $"{path}[{index}]"))],
        _ => throw OpenAIException.InvalidType(path, JsonShape.KindOf(content), "a string or an array of parts"),
    };

    private static AIContent Part(JsonElement part, string path)
    {
        if (part.ValueKind != JsonValueKind.Object)
        {
            throw OpenAIException.InvalidType(path, JsonShape.KindOf(part), "an object");
        }

        var type = Text(part, path, "type");
        return Parts.TryGetValue(type, out var read)
            ? read(part, path)
            : throw OpenAIException.InvalidValue(
                $"{path}.type", type, $"one of {string.Join(", ", Parts.Keys.Select(kind => $"'{kind}'"))}");
    }

    private static AIContent Image(string url, string path)
    {
        if (url.StartsWith("data:", StringComparison.OrdinalIgnoreCase))
        {
            return Data(() => new DataContent(url), path, "a data URI of a medium in Base64");
        }

        return Uri.TryCreate(url, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https"
            ? new UriContent(url, "image/*")
            : throw OpenAIException.InvalidValue(path, url, "a data URI or an HTTP address");
    }

    private static DataContent Audio(JsonElement audio, string path)
    {
        var format = Text(audio, path, "format");
        return AudioTypes.TryGetValue(format, out var type)
            ? Data(
                () => new DataContent(Convert.FromBase64String(Text(audio, path, "data")), type), $"{path}.data",
                "Base64")
            : throw OpenAIException.InvalidValue($"{path}.format", format, "'wav' or 'mp3'");
    }

    private static DataContent Data(Func<DataContent> read, string path, string expected)
    {
        try
        {
            return read();
        }
        catch (Exception exception) when (exception is FormatException or ArgumentException)
        {
            throw new OpenAIException(400, $"'{path}' cannot be read; expected {expected}.", path, "invalid_value");
        }
    }

    private static JsonElement Member(JsonElement part, string path, string name)
        => !part.TryGetProperty(name, out var member) ? throw OpenAIException.Missing($"{path}.{name}")
            : member.ValueKind == JsonValueKind.Object ? member
            : throw OpenAIException.InvalidType($"{path}.{name}", JsonShape.KindOf(member), "an object");

    private static string Text(JsonElement part, string path, string name)
        => !part.TryGetProperty(name, out var text) ? throw OpenAIException.Missing($"{path}.{name}")
            : text.ValueKind == JsonValueKind.String ? text.GetString()!
            : throw OpenAIException.InvalidType($"{path}.{name}", JsonShape.KindOf(text), "a string");
}
