using Microsoft.ML.Tokenizers;
using Slipway.Encoders;

namespace Slipway.Classifiers;

/// <summary>Holds the tokens of a text and where each stands in it.</summary>
/// <param name="Encoded">The text with the tokens that begin and end it.</param>
/// <param name="First">Place of the text's own first token among these.</param>
/// <param name="Tokens">The text's own tokens that were not cut off.</param>
internal sealed record TokenPlaces(EncodedText Encoded, int First, IReadOnlyList<TokenPlace> Tokens)
{
    /// <summary>Encodes a text.</summary>
    public static TokenPlaces Find(TextEncoder encoder, string text)
    {
        var encoded = encoder.Encode(text);
        var tokens = encoder.Tokenizer.EncodeToTokens(text, out var normalized);
        var whole = encoder.Tokenizer.Encode(text, addSpecialTokens: true);
        var first = Math.Max(whole.AsSpan().IndexOf([.. tokens.Select(token => token.Id)]), 0);
        var closing = whole.Length - first - tokens.Count;
        var kept = Math.Clamp(encoded.Ids.Length - first - closing, 0, tokens.Count);
        var alignment = normalized is null
            ? null : new TextAlignment(text, normalized, part => Normalize(encoder.Tokenizer, part));
        return new TokenPlaces(encoded, first, [.. tokens.Take(kept).Select(token => Place(token, text, alignment))]);
    }

    private static TokenPlace Place(EncodedToken token, string text, TextAlignment? alignment)
    {
        var (start, end) = (token.Offset.Start.Value, token.Offset.End.Value);
        (start, end) = alignment?.Original(start, end) ?? (Math.Min(start, text.Length), Math.Min(end, text.Length));

        // A token that stands for the space before a word as well is placed at the word.
        while (start < end && char.IsWhiteSpace(text[start]))
        {
            start++;
        }

        while (end > start && char.IsWhiteSpace(text[end - 1]))
        {
            end--;
        }

        return new TokenPlace(token.Id, token.Value, start, end);
    }

    private static string Normalize(Tokenizer tokenizer, string part)
    {
        tokenizer.EncodeToTokens(part, out var normalized);
        return normalized ?? part;
    }
}

/// <summary>A token in a text.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Token">The token as the vocabulary writes it.</param>
/// <param name="Start">Index of its first UTF-16 character in the text.</param>
/// <param name="End">Index behind its last one.</param>
internal readonly record struct TokenPlace(int Id, string Token, int Start, int End);
