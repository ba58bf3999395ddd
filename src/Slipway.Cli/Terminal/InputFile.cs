using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Cli.Terminal;

/// <summary>Reads the JSON files that people give to verbs; '-' is standard input.</summary>
internal static class InputFile
{
    private const long Max = 256L << 20;

    public static JsonNode ReadJson(VerbContext context, string path)
    {
        var text = path == "-" ? context.Input.ReadToEnd() : ReadText(path);
        try
        {
            return JsonNode.Parse(
                text, documentOptions: new JsonDocumentOptions { MaxDepth = 128, AllowDuplicateProperties = false })
                ?? throw new UsageException($"'{path}' holds null; expected a JSON document.");
        }
        catch (JsonException exception)
        {
            throw new UsageException($"'{path}' is not valid JSON: {exception.Message}");
        }
    }

    public static string ReadText(string path)
    {
        var file = new FileInfo(path);
        return !file.Exists ? throw new UsageException($"The file '{path}' does not exist. Check the path.")
            : file.Length > Max
            ? throw new UsageException($"The file '{path}' has {file.Length} bytes; at most {Max} are read.")
            : File.ReadAllText(path);
    }

    /// <summary>A JSON list of strings.</summary>
    public static IReadOnlyList<string> ReadTexts(VerbContext context, string path) =>
        Texts(ReadJson(context, path)) ?? throw new UsageException(
            $"'{path}' is not a JSON list of strings, such as [\"Hello\", \"Good morning\"].");

    /// <summary>A JSON list of pairs of strings.</summary>
    public static IReadOnlyList<(string First, string Second)> ReadPairs(VerbContext context, string path) =>
        Pairs(ReadJson(context, path)) ?? throw new UsageException(
            $"'{path}' is not a JSON list of pairs of strings, such as [[\"query\", \"passage\"]].");

    /// <summary>A JSON list of strings, or of pairs of them.</summary>
    public static TextsOrPairs ReadTextsOrPairs(VerbContext context, string path)
    {
        var json = ReadJson(context, path);
        return Texts(json) is { } texts ? new TextsOrPairs(texts, null)
            : Pairs(json) is { } pairs ? new TextsOrPairs(null, pairs)
            : throw new UsageException(
                $"'{path}' is not a JSON list of strings, or of pairs of them, such as [\"Hello\"] or "
                + "[[\"premise\", \"hypothesis\"]].");
    }

    private static IReadOnlyList<string>? Texts(JsonNode json)
        => json is JsonArray list && list.All(item => item?.GetValueKind() == JsonValueKind.String)
            ? [.. list.Select(item => item!.GetValue<string>())] : null;

    private static IReadOnlyList<(string First, string Second)>? Pairs(JsonNode json)
        => json is JsonArray list && list.All(item => item is JsonArray { Count: 2 } pair
            && pair.All(text => text?.GetValueKind() == JsonValueKind.String))
            ? [.. list.Select(item => (item![0]!.GetValue<string>(), item[1]!.GetValue<string>()))] : null;
}

/// <summary>Texts, or pairs of them.</summary>
/// <param name="Texts">The texts; null for pairs.</param>
/// <param name="Pairs">The pairs; null for texts.</param>
internal sealed record TextsOrPairs(
    IReadOnlyList<string>? Texts, IReadOnlyList<(string First, string Second)>? Pairs);
