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
internal sealed class PythonCallReader(string text)
{
    private const int MaxDepth = 64;

    private int _at;
    private int _depth;

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
        return _at == text.Length ? calls : throw Malformed("the end");
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

    private JsonNode? ReadValue()
    {
        Skip();
        if (++_depth > MaxDepth)
        {
            throw new JsonException($"The arguments are more than {MaxDepth} levels deep.");
        }

        try
        {
            return _at == text.Length ? throw Malformed("a value") : text[_at] switch
            {
                '"' or '\'' => ReadText(),
                '[' or '(' => ReadList(text[_at] == '[' ? ']' : ')'),
                '{' => ReadDictionary(),
                _ => ReadWord(),
            };
        }
        finally
        {
            _depth--;
        }
    }

    private JsonArray ReadList(char close)
    {
        _at++;
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
        _at++;
        var members = new JsonObject();
        while (!Take('}'))
        {
            if (members.Count > 0)
            {
                Expect(',');
            }

            Skip();
            var key = _at < text.Length && text[_at] is '"' or '\'' ? ReadText() : throw Malformed("a key in quotes");
            Expect(':');
            members[key] = ReadValue();
        }

        return members;
    }

    private string ReadText()
    {
        var quote = text[_at++];
        var result = new StringBuilder();
        while (_at < text.Length && text[_at] != quote)
        {
            if (text[_at] != '\\' || _at + 1 == text.Length)
            {
                result.Append(text[_at++]);
                continue;
            }

            var escaped = text[_at + 1];
            _at += 2;
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

        _at = _at < text.Length ? _at + 1 : throw Malformed($"the closing {quote}");
        return result.ToString();
    }

    private char ReadHex()
    {
        if (_at + 4 <= text.Length
            && ushort.TryParse(
                text.AsSpan(_at, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value))
        {
            _at += 4;
            return (char)value;
        }

        throw Malformed("four hexadecimal digits");
    }

    private JsonNode? ReadWord()
    {
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '+' or '-' or '.' or '_'))
        {
            _at++;
        }

        var word = text[start.._at];
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
        var start = _at;
        while (_at < text.Length && (char.IsAsciiLetterOrDigit(text[_at]) || text[_at] is '_' or '.' or '-'))
        {
            _at++;
        }

        return _at > start ? text[start.._at] : throw Malformed("a name");
    }

    private void Expect(char expected)
    {
        if (!Take(expected))
        {
            throw Malformed($"'{expected}'");
        }
    }

    private bool Take(char expected)
    {
        Skip();
        var taken = _at < text.Length && text[_at] == expected;
        _at += taken ? 1 : 0;
        return taken;
    }

    private void Skip()
    {
        while (_at < text.Length && char.IsWhiteSpace(text[_at]))
        {
            _at++;
        }
    }

    private static JsonElement ToElement(JsonNode? value)
    {
        using var document = JsonDocument.Parse(value?.ToJsonString() ?? "null");
        return document.RootElement.Clone();
    }

    private JsonException Malformed(string expected)
        => new($"The calls are no Python: {expected} was expected at character {_at}.");
}
