using System.Buffers;
using System.Runtime.InteropServices;
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
    private const int StackCharacters = 256;

    private readonly TextNormalizer? _normalizer;
    private readonly TextSplitter? _splitter;
    private readonly TokenModel _model;
    private readonly PieceCache _cache = new();
    private readonly bool _usesBytes;
    private readonly AddedToken[] _addedTokens;
    private readonly AddedTokenMatcher _rawMatcher, _normalizedMatcher;
    private readonly string?[] _tokens;

    public TextEncoder(
        TextNormalizer? normalizer, TextSplitter? splitter, TokenModel model, AddedToken[] addedTokens,
        string?[] tokens)
    {
        _normalizer = normalizer;
        _usesBytes = splitter is { UsesBytes: true };
        _splitter = _usesBytes || model.Splitter is not { } further ? splitter
            : splitter is null ? further : new SplitterSequence([splitter, further]);
        _model = model;
        _tokens = tokens;
        _addedTokens = addedTokens;
        _rawMatcher = new AddedTokenMatcher(addedTokens.Where(token => !token.Normalized));
        _normalizedMatcher = AddedTokenMatcher.AfterNormalizer(
            addedTokens.Where(token => token.Normalized), normalizer);
    }

    /// <summary>The tokens that are looked for in texts.</summary>
    public IReadOnlyList<AddedToken> AddedTokens => _addedTokens;

    /// <summary>Makes what keeps control tokens from being found where a text only spells them.</summary>
    public TokenGuard Guard(IReadOnlyCollection<AddedToken> control) => new(_addedTokens, control, _normalizer);

    /// <summary>The text as the normalizer leaves it; null where there is none.</summary>
    public string? Normalize(string text) => _normalizer?.Normalize(text);

    /// <summary>Appends the ids of a text.</summary>
    /// <param name="text">Any text; special tokens written in it are recognised.</param>
    /// <param name="result">Receives the ids.</param>
    /// <param name="offsets">Receives the tokens with their places in the normalized text; null where nobody
    /// asks.</param>
    /// <param name="guard">Names control tokens; null where all are taken.</param>
    /// <param name="barriers">Places in the text, in order, across which no control token is taken.</param>
    public void Encode(
        string text, List<int> result, List<EncodedToken>? offsets, TokenGuard? guard = null,
        ReadOnlySpan<int> barriers = default)
    {
        var normalizedLength = 0;
        List<Piece> pieces = [];
        foreach (var (start, end, id) in (guard?.Raw ?? _rawMatcher).Split(text, guard, barriers))
        {
            var part = end - start == text.Length ? text : text[start..end];
            if (id >= 0)
            {
                AddToken(id, part, normalizedLength, result, offsets);
                normalizedLength += part.Length;
                continue;
            }

            var normalized = _normalizer?.Normalize(part) ?? part;
            foreach (var (from, to, innerId) in (guard?.Normalized ?? _normalizedMatcher).Split(normalized))
            {
                if (innerId >= 0)
                {
                    AddToken(innerId, normalized[from..to], normalizedLength + from, result, offsets);
                }
                else
                {
                    pieces.Clear();
                    Split(new Piece(normalized, from, to - from, normalizedLength + from), pieces);
                    foreach (var piece in pieces)
                    {
                        EncodePiece(piece, result, offsets, guard);
                    }
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

    private void Split(Piece whole, List<Piece> pieces)
    {
        if (_splitter is null)
        {
            pieces.Add(whole);
        }
        else
        {
            _splitter.Split(whole, pieces);
        }
    }

    private void EncodePiece(Piece piece, List<int> result, List<EncodedToken>? offsets, TokenGuard? guard)
    {
        var first = result.Count;
        if (_cache.Find(piece.Text, out var slot) is { } known)
        {
            result.AddRange(known);
        }
        else
        {
            EncodeAnew(piece.Text, result);
            _cache.Add(slot, piece.Text, CollectionsMarshal.AsSpan(result)[first..]);
        }

        // Vocabularies hold control tokens too, and a model may find them without their being looked for.
        if (guard?.IsSpelled(piece.Text, CollectionsMarshal.AsSpan(result)[first..]) == true)
        {
            result.RemoveRange(first, result.Count - first);
            EncodeCharacters(piece.Text, result);
        }

        if (offsets is not null)
        {
            AddOffsets(piece, CollectionsMarshal.AsSpan(result)[first..], offsets);
        }
    }

    private void EncodeCharacters(ReadOnlySpan<char> text, List<int> result)
    {
        while (text.Length > 0)
        {
            Rune.DecodeFromUtf16(text, out _, out var length);
            EncodeAnew(text[..length], result);
            text = text[length..];
        }
    }

    private void EncodeAnew(ReadOnlySpan<char> text, List<int> result)
    {
        if (!_usesBytes)
        {
            _model.Encode(text, result);
            return;
        }

        var most = Encoding.UTF8.GetMaxByteCount(text.Length);
        var rented = most > StackCharacters ? ArrayPool<char>.Shared.Rent(most) : null;
        var characters = rented ?? stackalloc char[StackCharacters];
        _model.Encode(characters[..ByteAlphabet.Encode(text, characters)], result);
        if (rented is not null)
        {
            ArrayPool<char>.Shared.Return(rented);
        }
    }

    // A token that starts inside a character is placed at that character's start; what was added in front has no place.
    private void AddOffsets(Piece piece, ReadOnlySpan<int> pieceIds, List<EncodedToken> offsets)
    {
        var text = piece.Text;
        int bytes = 0, characters = 0, end = 0;
        for (var i = 0; i < pieceIds.Length; i++)
        {
            var token = _tokens[pieceIds[i]] ?? string.Empty;
            var from = piece.Start + Math.Max(characters - piece.Added, 0);
            end = i == pieceIds.Length - 1 ? int.MaxValue
                : end + (_usesBytes ? token.Length : _model.ByteLength(token));
            while (characters < text.Length)
            {
                Rune.DecodeFromUtf16(text[characters..], out var rune, out var length);
                if (bytes + rune.Utf8SequenceLength > end)
                {
                    break;
                }

                bytes += rune.Utf8SequenceLength;
                characters += length;
            }

            var to = piece.Start + Math.Max(characters - piece.Added, 0);
            offsets.Add(new EncodedToken(pieceIds[i], token, from..to));
        }
    }
}
