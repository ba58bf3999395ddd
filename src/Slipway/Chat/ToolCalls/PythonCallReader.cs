using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Reads a list of Python calls with keyword arguments that are literals.</summary>
/// <remarks>
/// Literals of Python and of JSON are taken: texts in single and double quotes, numbers, <c>True</c> and <c>true</c>,
/// lists, dictionaries. Everything else is a <see cref="JsonException"/>.
/// </remarks>
internal sealed class PythonCallReader(string text) : LiteralReader(text, "The calls are no Python")
{
    /// <summary>Reads <c>[f(a=1), g()]</c>.</summary>
    /// <exception cref="JsonException">The text is no such list.</exception>
    public IReadOnlyList<ToolCall> Read()
    {
        var calls = new List<ToolCall>();
        Expect('[');
        while (!Take(']'))
        {
            if (calls.Count > 0)
            {
                Expect(',');
            }

            calls.Add(ReadCall());
        }

        Skip();
        return At == Text.Length ? calls : throw Malformed("the end");
    }

    private ToolCall ReadCall()
    {
        var name = ReadName();
        var arguments = new Dictionary<string, object?>(StringComparer.Ordinal);
        Expect('(');
        while (!Take(')'))
        {
            if (arguments.Count > 0)
            {
                Expect(',');
            }

            var key = ReadName();
            Expect('=');
            arguments[key] = ToElement(ReadValue());
        }

        return new(name, arguments);
    }

    protected override JsonNode? ReadOne()
    {
        return Text[At] switch
        {
            '"' or '\'' => ReadText(),
            '[' or '(' => ReadList(Text[At] == '[' ? ']' : ')'),
            '{' => ReadDictionary(),
            _ => ReadWord(),
        };
    }

    private JsonArray ReadList(char close)
    {
        At++;
        var list = new JsonArray();
        while (!Take(close))
        {
            if (list.Count > 0)
            {
                Expect(',');
                if (Take(close))
                {
                    break;
                }
            }

            list.Add(ReadValue());
        }

        return list;
    }

    private JsonObject ReadDictionary()
    {
        At++;
        var members = new JsonObject();
        while (!Take('}'))
        {
            if (members.Count > 0)
            {
                Expect(',');
            }

            Skip();
            var key = At < Text.Length && Text[At] is '"' or '\'' ? ReadText() : throw Malformed("a key in quotes");
            Expect(':');
            members[key] = ReadValue();
        }

        return members;
    }

    private string ReadText()
    {
        var quote = Text[At++];
        var result = new StringBuilder();
        while (At < Text.Length && Text[At] != quote)
        {
            if (Text[At] != '\\' || At + 1 == Text.Length)
            {
                result.Append(Text[At++]);
                continue;
            }

            var escaped = Text[At + 1];
            At += 2;
            result.Append(escaped switch
            {
                'n' => '\n',
                't' => '\t',
                'r' => '\r',
                'b' => '\b',
                'f' => '\f',
                'u' => ReadHex(),
                _ => escaped,
            });
        }

        At = At < Text.Length ? At + 1 : throw Malformed($"the closing {quote}");
        return result.ToString();
    }

    private char ReadHex()
    {
        if (At + 4 <= Text.Length
            && ushort.TryParse(
                Text.AsSpan(At, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            At += 4;
            return (char)value;
        }

        throw Malformed("four hexadecimal digits");
    }

    private JsonNode? ReadWord()
    {
        var start = At;
        while (At < Text.Length && (char.IsAsciiLetterOrDigit(Text[At]) || Text[At] is '+' or '-' or '.' or '_'))
        {
            At++;
        }

        var word = Text[start..At];
        return word switch
        {
            "True" => true,
            "False" => false,
            "None" => null,
            "" => throw Malformed("a value"),
            _ => JsonNode.Parse(word),
        };
    }

    private string ReadName()
    {
        Skip();
        var start = At;
        while (At < Text.Length && (char.IsAsciiLetterOrDigit(Text[At]) || Text[At] is '_' or '.' or '-'))
        {
            At++;
        }

        return At > start ? Text[start..At] : throw Malformed("a name");
    }

    private static JsonElement ToElement(JsonNode? value)
    {
        using var document = JsonDocument.Parse(value?.ToJsonString() ?? "null");
        return document.RootElement.Clone();
    }
}
