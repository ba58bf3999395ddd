using System.Text;
using Microsoft.ML.Tokenizers;
using Slipway.Tokenization.Models;
using Slipway.Tokenization.Normalizers;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization;

/// <summary>
/// Turns text into token ids: added tokens, normalizer, pre-tokenizer and model, in this order. Immutable.
/// </summary>
internal sealed class TextEncoder
{
    private readonly TextNormalizer? _normalizer;
    private readonly TextSplitter? _splitter;
    private readonly TokenModel _model;
    private readonly AddedTokenMatcher _rawMatcher, _normalizedMatcher;
    private readonly string?[] _tokens;

    public TextEncoder(
        TextNormalizer? normalizer, TextSplitter? splitter, TokenModel model, AddedToken[] addedTokens,
        string?[] tokens)
    {
        _normalizer = normalizer;
        _splitter = splitter;
        _model = model;
        _tokens = tokens;
        _rawMatcher = new AddedTokenMatcher(addedTokens.Where(token => !token.Normalized));
        _normalizedMatcher = new AddedTokenMatcher(addedTokens.Where(token => token.Normalized)
            .Select(token => token with { Content = normalizer?.Normalize(token.Content) ?? token.Content }));
    }

    /// <summary>The text as the normalizer leaves it; null where there is none.</summary>
    public string? Normalize(string text) => _normalizer?.Normalize(text);

    /// <summary>Appends the ids of a text.</summary>
    /// <param name="text">Any text; special tokens written in it are recognised.</param>
    /// <param name="result">Receives the ids.</param>
    /// <param name="offsets">Receives the tokens with their places in the normalized text; null where nobody
    /// asks.</param>
    public void Encode(string text, List<int> result, List<EncodedToken>? offsets)
    {
        var normalizedLength = 0;
        foreach (var (start, end, id) in _rawMatcher.Split(text))
        {
            var part = text[start..end];
            if (id >= 0)
            {
                AddToken(id, part, normalizedLength, result, offsets);
                normalizedLength += part.Length;
                continue;
            }

            var normalized = _normalizer?.Normalize(part) ?? part;
            foreach (var (from, to, innerId) in _normalizedMatcher.Split(normalized))
            {
                if (innerId >= 0)
                {
                    AddToken(innerId, normalized[from..to], normalizedLength + from, result, offsets);
                }
                else
                {
                    EncodeSegment(normalized[from..to], normalizedLength + from, result, offsets);
                }
            }

            normalizedLength += normalized.Length;
        }
    }

    private static void AddToken(int id, string text, int start, List<int> result, List<EncodedToken>? offsets)
    {
        result.Add(id);
        offsets?.Add(new EncodedToken(id, text, start..(start + text.Length)));
    }

    private void EncodeSegment(string segment, int start, List<int> result, List<EncodedToken>? offsets)
    {
        List<Piece> pieces = [];
        Piece whole = new(segment, start);
        if (_splitter is null)
        {
            pieces.Add(whole);
        }
        else
        {
            _splitter.Split(whole, pieces);
        }

        var usesBytes = _splitter is { UsesBytes: true };
        foreach (var piece in pieces)
        {
            var first = result.Count;
            _model.Encode(usesBytes ? ByteAlphabet.Encode(piece.Text) : piece.Text, result);
            if (offsets is not null)
            {
                AddOffsets(piece, result[first..], offsets);
            }
        }
    }

    // A token that starts inside a character is placed at that character's start; what was added in front has no place.
    private void AddOffsets(Piece piece, List<int> pieceIds, List<EncodedToken> offsets)
    {
        var utf8 = Encoding.UTF8.GetBytes(piece.Text);
        var at = 0;
        for (var i = 0; i < pieceIds.Count; i++)
        {
            var token = _tokens[pieceIds[i]] ?? string.Empty;
            var length = _splitter is { UsesBytes: true } ? token.Length : _model.ByteLength(token);
            var end = i == pieceIds.Count - 1 ? utf8.Length : Math.Min(at + length, utf8.Length);
            int from = Chars(utf8, at) - piece.Added, to = Chars(utf8, end) - piece.Added;
            offsets.Add(new EncodedToken(
                pieceIds[i], token, (piece.Start + Math.Max(from, 0))..(piece.Start + Math.Max(to, 0))));
            at = end;
        }
    }

    private static int Chars(byte[] utf8, int end)
    {
        var whole = end;
        while (whole > 0 && whole < utf8.Length && (utf8[whole] & 0xC0) == 0x80)
        {
            whole--;
        }

        return Encoding.UTF8.GetCharCount(utf8, 0, whole);
    }
}
