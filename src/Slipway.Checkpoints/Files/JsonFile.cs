using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Files;

// Reads JSON that a stranger wrote: an object, no duplicate keys, limited depth.
internal static class JsonFile
{
    private static readonly JsonDocumentOptions Options = new() { AllowDuplicateProperties = false, MaxDepth = 64 };

    public static JsonObject Parse(ReadOnlySpan<byte> json, string path)
    {
        var text = json.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]) ? json[3..] : json;
        JsonNode? node;
        try
        {
            node = JsonNode.Parse(ReplaceInfinities(text), documentOptions: Options);
            Materialize(node);
        }
        catch (Exception error) when (error is JsonException or ArgumentException or InvalidOperationException)
        {
            throw new CheckpointException(
                $"The file '{path}' is not valid JSON: {error.Message} Correct it or download it again.", path,
                innerException: error);
        }

        return node as JsonObject ?? throw new CheckpointException(
            $"The file '{path}' holds a JSON {KindOf(node)}; expected an object. Correct it or download it again.",
            path);
    }

    private static string KindOf(JsonNode? node) => node?.GetValueKind() switch
    {
        null or JsonValueKind.Null => "null",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        _ => "value",
    };

    // Nodes build their children at the first look, which is not safe from several threads at once. Texts are read
    // once, since bytes that are no characters are found only then.
    private static void Materialize(JsonNode? node)
    {
        if (node is JsonObject properties)
        {
            foreach (var property in properties)
            {
                Materialize(property.Value);
            }
        }
        else if (node is JsonArray items)
        {
            foreach (var item in items)
            {
                Materialize(item);
            }
        }
        else if (node?.GetValueKind() == JsonValueKind.String)
        {
            _ = node.GetValue<string>();
        }
    }

    // Python writes 'Infinity' for an infinite number (time_step_limit of state-space models); 1e999 is the same
    // number in JSON.
    private static ReadOnlySpan<byte> ReplaceInfinities(ReadOnlySpan<byte> json)
    {
        if (json.IndexOf("Infinity"u8) < 0)
        {
            return json;
        }

        var result = new MemoryStream(json.Length);
        var inString = false;
        for (var i = 0; i < json.Length; i++)
        {
            if (!inString && json[i..].StartsWith("Infinity"u8))
            {
                result.Write("1e999"u8);
                i += "Infinity".Length - 1;
                continue;
            }

            result.WriteByte(json[i]);
            if (inString && json[i] == '\\' && i + 1 < json.Length)
            {
                result.WriteByte(json[++i]);
            }
            else if (json[i] == '"')
            {
                inString = !inString;
            }
        }

        return result.ToArray();
    }

    public static string Describe(JsonNode? node)
    {
        var text = node?.ToJsonString() ?? "null";
        return text.Length <= 80 ? text : string.Concat(text.AsSpan(0, 77), "...");
    }
}
