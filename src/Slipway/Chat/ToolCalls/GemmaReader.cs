using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Reads the arguments of Gemma's calls: <c>{key:value,…}</c> with strings between tokens.</summary>
/// <param name="text">The text, from the first bracket.</param>
/// <param name="quote">The token before and after a string.</param>
internal sealed class GemmaReader(string text, string quote)
{
    private const int MaxDepth = 64;

    private int _at;
    private int _depth;

    /// <summary>Reads the arguments.</summary>
    /// <exception cref="JsonException">The text is malformed.</exception>
    public Dictionary<string, object?> Read()
    {
        var members = ReadObject();
        return _at == text.TrimEnd().Length
            ? ToolCall.ReadArguments(members.ToJsonString())
            : throw Malformed("the end");
    }

    private JsonObject ReadObject()
    {
        Expect('{');
        var members = new JsonObject();
        while (!Take('}'))
        {
            if (members.Count > 0)
            {
                Expect(',');
            }

            var colon = text.IndexOf(':', _at);
            var key = colon < 0 ? throw Malformed("':'") : Unquoted(text[_at..colon].Trim());
            _at = colon + 1;
            members[key] = ReadValue();
        }

        return members;
    }

    private JsonArray ReadArray()
    {
        Expect('[');
        var items = new JsonArray();
        while (!Take(']'))
        {
            if (items.Count > 0)
            {
                Expect(',');
            }

            items.Add(ReadValue());
        }

        return items;
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
            if (string.CompareOrdinal(text, _at, quote, 0, quote.Length) == 0)
            {
                return ReadText();
            }

            return _at == text.Length ? throw Malformed("a value") : text[_at] switch
            {
                '{' => ReadObject(),
                '[' => ReadArray(),
                _ => ReadWord(),
            };
        }
        finally
        {
            _depth--;
        }
    }

    private string ReadText()
    {
        var start = _at + quote.Length;
        var end = text.IndexOf(quote, start, StringComparison.Ordinal);
        _at = end < 0 ? throw Malformed($"'{quote}'") : end + quote.Length;
        return text[start..end];
    }

    // Numbers and words of JSON; anything else is a text that came without its quotes.
    private JsonNode? ReadWord()
    {
        var end = text.AsSpan(_at).IndexOfAny(',', '}', ']');
        var word = (end < 0 ? throw Malformed("',' or a bracket") : text.Substring(_at, end)).Trim();
        _at += end;
        try
        {
            return JsonNode.Parse(word);
        }
        catch (JsonException)
        {
            return word;
        }
    }

    private string Unquoted(string key)
        => key.Replace(quote, "", StringComparison.Ordinal).Trim('"');

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

    private JsonException Malformed(string expected)
        => new($"The arguments are malformed: {expected} was expected at character {_at}.");
}
