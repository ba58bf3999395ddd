using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Guidance.Json;

/// <summary>Measures how deep JSON is, without recursion, before anything recursive meets it.</summary>
internal static class JsonDepth
{
    /// <summary>The levels of arrays and objects in a value; 0 for a plain one.</summary>
    public static int Of(JsonElement value)
        => value.ValueKind is JsonValueKind.Object or JsonValueKind.Array ? Of(JsonMarshal.GetRawUtf8Value(value)) : 0;

    /// <summary>The levels of arrays and objects in JSON as UTF-8; 0 for a plain value.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static int Of(ReadOnlySpan<byte> json)
    {
        var reader = new Utf8JsonReader(json, new JsonReaderOptions
        {
            MaxDepth = int.MaxValue,
            CommentHandling = JsonCommentHandling.Skip,
            AllowTrailingCommas = true,
        });
        var max = 0;
        while (reader.Read())
        {
            max = Math.Max(max,
                reader.CurrentDepth
                    + (reader.TokenType is JsonTokenType.StartArray or JsonTokenType.StartObject ? 1 : 0));
        }

        return max;
    }

    /// <summary>The levels of arrays and objects in a node; 0 for a plain one or none.</summary>
    public static int Of(JsonNode? node)
    {
        var max = 0;
        var open = new Stack<(JsonNode? Node, int Depth)>([(node, 0)]);
        while (open.TryPop(out var at))
        {
            switch (at.Node)
            {
                case JsonObject members:
                    max = Math.Max(max, at.Depth + 1);
                    foreach (var member in members)
                    {
                        open.Push((member.Value, at.Depth + 1));
                    }

                    break;
                case JsonArray items:
                    max = Math.Max(max, at.Depth + 1);
                    foreach (var item in items)
                    {
                        open.Push((item, at.Depth + 1));
                    }

                    break;
                case JsonValue value when value.TryGetValue<JsonElement>(out var element):
                    max = Math.Max(max, at.Depth + Of(element));
                    break;
            }
        }

        return max;
    }
}
