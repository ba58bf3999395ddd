using System.Text.Json.Nodes;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Escapes what the messages of one request say, so that none of it is read as a control token.</summary>
/// <param name="tokens">The control tokens.</param>
/// <param name="reasoning">The format whose tags templates look for in earlier answers; null for none.</param>
internal sealed class MessageEscape(ControlTokens tokens, ReasoningFormat? reasoning = null)
{
    private readonly IReadOnlyList<string> _tags = reasoning is null
        ? [] : SpecialTokens.In([reasoning.Open, reasoning.Close]);

    /// <summary>Escapes nothing.</summary>
    public static MessageEscape None { get; } = new(ControlTokens.None);

    /// <summary>Tells whether the tags of thoughts in answers' texts are left to the template.</summary>
    public bool LeavesTags { get; init; }

    /// <summary>Tells whether an answer's text spelled such a tag.</summary>
    public bool MetTags { get; private set; }

    /// <summary>Escapes a text.</summary>
    public string Text(string text) => tokens.Escape(text);

    /// <summary>Escapes the text of an earlier answer.</summary>
    public string Answer(string text)
    {
        var escaped = tokens.Escape(text);
        if (_tags.Count == 0 || ReferenceEquals(escaped, text))
        {
            return escaped;
        }

        var withTags = tokens.Escape(text, _tags);
        MetTags |= withTags != escaped;
        return LeavesTags ? withTags : escaped;
    }

    /// <summary>Escapes all texts of a JSON value.</summary>
    public JsonNode? Node(JsonNode? node) => tokens.Escape(node);
}
