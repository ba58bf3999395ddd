using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Training.Running;

namespace Slipway.Training.Data;

/// <summary>One line of a file of examples.</summary>
internal sealed record JsonLine(JsonObject Json, string Path, int Number)
{
    /// <summary>The line's place, as messages begin with it.</summary>
    public string Place => $"Line {Number} of '{Path}'";

    /// <summary>A list of messages with roles; null where the key holds none.</summary>
    public JsonArray? Messages(string key) => Json[key] is JsonArray { Count: > 0 } messages
        && messages.All(message => message is JsonObject one && one["role"] is JsonValue role
            && role.GetValueKind() == JsonValueKind.String) ? messages : null;

    /// <summary>A text; null where there is none.</summary>
    public string? OptionalText(string key) => Json[key] is null ? null
        : Json[key] is JsonValue value && value.TryGetValue(out string? text) ? text
        : throw new TrainingException($"'{key}' in line {Number} of '{Path}' is no string. Give a string.");

    /// <summary>The tools offered; null where there are none.</summary>
    public JsonArray? Tools() => Json["tools"] is null or JsonArray ? Json["tools"] as JsonArray
        : throw new TrainingException($"'tools' in line {Number} of '{Path}' is no list. Give a list of tools.");
}

/// <summary>Reads files that hold a JSON object a line.</summary>
internal static class JsonLines
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    /// <summary>Reads the lines that are not blank.</summary>
    /// <param name="path">The file.</param>
    /// <param name="what">What the lines hold, for messages.</param>
    public static IEnumerable<JsonLine> Read(string path, string what)
    {
        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"The {what} '{path}' do not exist. Check the path.", path);
        }

        var number = 0;
        foreach (var line in File.ReadLines(path))
        {
            number++;
            if (!string.IsNullOrWhiteSpace(line))
            {
                yield return new JsonLine(Parse(line, path, number), path, number);
            }
        }
    }

    private static JsonObject Parse(string line, string path, int number)
    {
        try
        {
            return JsonNode.Parse(line, documentOptions: Options) as JsonObject ?? throw new TrainingException(
                $"Line {number} of '{path}' holds no JSON object. Write one example as an object on each line.");
        }
        catch (JsonException error)
        {
            throw new TrainingException($"Line {number} of '{path}' is not valid JSON: {error.Message}", error);
        }
    }
}
