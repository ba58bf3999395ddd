using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;

namespace Slipway.Guidance.Json;

/// <summary>Writes fixed values as the grammar expects them.</summary>
/// <param name="escapesMarkup">Whether characters such as <c>&lt;</c> are escaped, lest a text look like a tag.</param>
internal sealed class JsonLiterals(bool escapesMarkup)
{
    private readonly JsonWriterOptions _options = new()
    {
        Encoder = escapesMarkup ? JavaScriptEncoder.Create(UnicodeRanges.All) : JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a text.</summary>
    public string Write(string text) => Write(writer => writer.WriteStringValue(text));

    /// <summary>The values of an enumeration that are of the allowed types.</summary>
    public IReadOnlyList<GrammarElement> Of(IReadOnlyList<JsonElement> values, string[]? types, string path)
    {
        var elements = values
            .Where(value => types is null || types.Any(type => IsOf(value, type)))
            .Select(value => GrammarElement.Literal(Write(value.WriteTo)))
            .ToList();
        return elements.Count > 0
            ? elements
            : throw new ArgumentException($"The JSON schema has no value at '{path}' that is of its type.");
    }

    private static bool IsOf(JsonElement value, string type) => value.ValueKind switch
    {
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || (type == "integer" && value.GetDouble() % 1 == 0),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        JsonValueKind.Null => type == "null",
        JsonValueKind.Array => type == "array",
        _ => type == "object",
    };

    private string Write(Action<Utf8JsonWriter> write)
    {
        using var stream = new MemoryStream();
        using (var writer = new Utf8JsonWriter(stream, _options))
        {
            write(writer);
        }

        return Encoding.UTF8.GetString(stream.ToArray());
    }
}
