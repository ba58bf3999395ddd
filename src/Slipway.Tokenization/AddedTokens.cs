using System.Buffers;
using System.Text.Json.Nodes;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Models;
using Slipway.Tokenization.Normalizers;

namespace Slipway.Tokenization;

/// <summary>A token that is recognised in the text before the model sees it.</summary>
internal sealed record AddedToken(
    int Id, string Content, bool Special, bool SingleWord, bool LeftStrip, bool RightStrip, bool Normalized)
{
    public static AddedToken Parse(Section section) => new(
        VocabularyReader.CheckId(section["id"]), section.String("content"), section.Bool("special", false),
        section.Bool("single_word", false), section.Bool("lstrip", false), section.Bool("rstrip", false),
        section.Bool("normalized", true));

    /// <summary>The token as a <c>tokenizer.json</c> lists it.</summary>
    public JsonObject ToJson() => new()
    {
        ["id"] = Id, ["content"] = Content, ["single_word"] = SingleWord, ["lstrip"] = LeftStrip,
        ["rstrip"] = RightStrip, ["normalized"] = Normalized, ["special"] = Special,
    };
}

/// <summary>Finds added tokens in text: leftmost first, the longest of those that start together.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly SearchValues<char> _starts;
    private readonly AddedToken[] _tokens;
    private readonly TokenTrie _trie = new();

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        _tokens = [.. tokens.Where(token => token.Content.Length > 0).DistinctBy(token => token.Content)];
        for (var i = 0; i < _tokens.Length; i++)
        {
            _trie.Add(_tokens[i].Content, i);
        }

        _starts = SearchValues.Create([.. _tokens.Select(token => token.Content[0])]);
    }

    /// <summary>Finds tokens in text that a normalizer has changed, which changes theirs alike.</summary>
    public static AddedTokenMatcher AfterNormalizer(IEnumerable<AddedToken> tokens, TextNormalizer? normalizer)
        => new(tokens.Select(
            token => token with { Content = normalizer?.Normalize(token.Content) ?? token.Content }));

    /// <summary>Yields the text between tokens (id −1) and the tokens, in order; nothing empty.</summary>
    /// <param name="text">The text.</param>
    /// <param name="guard">Names the control tokens that no barrier may stand inside; null for none.</param>
    /// <param name="barriers">Places in the text, in order.</param>
    public List<(int Start, int End, int Id)> Split(
        string text, TokenGuard? guard = null, ReadOnlySpan<int> barriers = default)
    {
        List<(int Start, int End, int Id)> parts = [];
        int from = 0, at = 0, barrier = 0;
        while (at < text.Length)
        {
            var offset = text.AsSpan(at).IndexOfAny(_starts);
            if (offset < 0)
            {
                break;
            }

            at += offset;
            if (_trie.Longest(text.AsSpan(at), out _) is not (>= 0 and var found))
            {
                at++;
                continue;
            }

            var token = _tokens[found];
            while (barrier < barriers.Length && barriers[barrier] <= at)
            {
                barrier++;
            }

            if (barrier < barriers.Length && barriers[barrier] < at + token.Content.Length
                && guard?.IsControl(token.Id) == true)
            {
                at++;
                continue;
            }

            if (token.SingleWord && TouchesWord(text, at, at + token.Content.Length))
            {
                at += token.Content.Length;
                continue;
            }

            int start = at, end = at + token.Content.Length;
            while (token.LeftStrip && start > from && char.IsWhiteSpace(text[start - 1]))
            {
                start--;
            }

            while (token.RightStrip && end < text.Length && char.IsWhiteSpace(text[end]))
            {
                end++;
            }

            if (start > from)
            {
                parts.Add((from, start, -1));
            }

            parts.Add((start, end, token.Id));
            from = at = end;
        }

        if (from < text.Length)
        {
            parts.Add((from, text.Length, -1));
        }

        return parts;
    }

    private static bool TouchesWord(string text, int start, int end) =>
        (start > 0 && IsWord(text[start - 1])) || (end < text.Length && IsWord(text[end]));

    private static bool IsWord(char character) => char.IsLetterOrDigit(character) || character == '_';
}
