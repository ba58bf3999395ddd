using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Slipway.Chat;

/// <summary>Writes JSON as Python's <c>json.dumps</c> does, with a blank after each comma and colon.</summary>
/// <remarks>Models were trained on calls that were written so.</remarks>
internal static class PythonJson
{
    /// <summary>Writes a value.</summary>
    public static string Write(JsonElement value)
    {
        var text = new StringBuilder();
        Write(text, value);
        return text.ToString();
    }

    /// <summary>Writes a text in quotes.</summary>
    public static string Quote(string text)
        => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";

    private static void Write(StringBuilder text, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                text.Append('{');
                var first = true;
                foreach (var member in value.EnumerateObject())
                {
                    text.Append(first ? "" : ", ").Append(Quote(member.Name)).Append(": ");
                    Write(text, member.Value);
                    first = false;
                }

                text.Append('}');
                break;
            case JsonValueKind.Array:
                text.Append('[');
                for (var i = 0; i < value.GetArrayLength(); i++)
                {
                    text.Append(i == 0 ? "" : ", ");
                    Write(text, value[i]);
                }

                text.Append(']');
                break;
            case JsonValueKind.String:
                text.Append(Quote(value.GetString()!));
                break;
            default:
                text.Append(value.GetRawText());
                break;
        }
    }
}
