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
        Encoder = escapesMarkup
            ? JavaScriptEncoder.Create(UnicodeRanges.All) : JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes a text.</summary>
    public string Write(string text) => Write(writer => writer.WriteStringValue(text));

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
