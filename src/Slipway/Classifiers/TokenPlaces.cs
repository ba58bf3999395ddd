using Microsoft.ML.Tokenizers;
using Slipway.Encoders;

namespace Slipway.Classifiers;

/// <summary>Holds the tokens of a text, or of a window of it, and where each stands in the text.</summary>
/// <param name="Encoded">The tokens with those that begin and end a text.</param>
/// <param name="First">Place of the text's own first token among these.</param>
/// <param name="Tokens">The text's own tokens.</param>
internal sealed record TokenPlaces(EncodedText Encoded, int First, IReadOnlyList<TokenPlace> Tokens)
{
    /// <summary>Encodes a text in windows as long as the context.</summary>
    /// <param name="encoder">The encoder.</param>
    /// <param name="text">The text.</param>
    /// <param name="stride">Tokens that neighbours share; null for the first window alone.</param>
    /// <returns>At least one window.</returns>
    /// <exception cref="ArgumentException">A window has no more tokens of the text than the stride.</exception>
    public static IReadOnlyList<TokenPlaces> Windows(TextEncoder encoder, string text, int? stride)
    {
        var tokens = encoder.Tokenizer.EncodeToTokens(text, out var normalized);
        var whole = encoder.Tokenizer.Encode(text, addSpecialTokens: true);
        var first = Math.Max(whole.AsSpan().IndexOf([.. tokens.Select(token => token.Id)]), 0);
        var closing = whole.Length - first - tokens.Count;
        var room = encoder.ContextLength - first - closing;
        if (stride >= room)
        {
            throw new ArgumentException(
                $"Stride is '{stride}'; a window has room for '{room}' tokens of a text. Set it to less.",
                nameof(stride));
        }

        var alignment = normalized is null
            ? null : new TextAlignment(text, normalized, part => Normalize(encoder.Tokenizer, part));
        TokenPlace[] places = [.. tokens.Select(token => Place(token, text, alignment))];
        List<TokenPlaces> windows = [];
        for (int start = 0, end = -1; end < places.Length && (stride is not null || start == 0);
            start += room - (stride ?? 0))
        {
            end = Math.Min(start + room, places.Length);
            EncodedText encoded = new(
                [.. whole[..first], .. whole[(first + start)..(first + end)], .. whole[^closing..]]);
            windows.Add(new TokenPlaces(encoded, first, places[start..end]));
        }

        return windows;
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
