using System.Text.Json;
using System.Text.Json.Nodes;

namespace Slipway.Chat;

/// <summary>Reads the arguments of Gemma's calls: <c>{key:value,…}</c> with strings between tokens.</summary>
/// <param name="text">The text, from the first bracket.</param>
/// <param name="quote">The token before and after a string.</param>
internal sealed class GemmaReader(string text, string quote) : LiteralReader(text, "The arguments are malformed")
{
    /// <summary>Reads the arguments.</summary>
    /// <exception cref="JsonException">The text is malformed.</exception>
    public Dictionary<string, object?> Read()
    {
        var members = ReadObject();
        return At == Text.TrimEnd().Length
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

            var colon = Text.IndexOf(':', At);
            var key = colon < 0 ? throw Malformed("':'") : Unquoted(Text[At..colon].Trim());
            At = colon + 1;
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

    protected override JsonNode? ReadOne()
    {
        if (string.CompareOrdinal(Text, At, quote, 0, quote.Length) == 0)
        {
            return ReadText();
        }

        return Text[At] switch
        {
            '{' => ReadObject(),
            '[' => ReadArray(),
            _ => ReadWord(),
        };
    }

    private string ReadText()
    {
        var start = At + quote.Length;
        var end = Text.IndexOf(quote, start, StringComparison.Ordinal);
        At = end < 0 ? throw Malformed($"'{quote}'") : end + quote.Length;
        return Text[start..end];
    }

    // Numbers and words of JSON; anything else is a text that came without its quotes.
    private JsonNode? ReadWord()
    {
        var end = Text.AsSpan(At).IndexOfAny(',', '}', ']');
        var word = (end < 0 ? throw Malformed("',' or a bracket") : Text.Substring(At, end)).Trim();
        At += end;
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
}
