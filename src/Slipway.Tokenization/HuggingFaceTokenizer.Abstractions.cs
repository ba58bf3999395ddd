using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization;

/// <content>What Microsoft.ML.Tokenizers asks of a tokenizer.</content>
public sealed partial class HuggingFaceTokenizer
{
    /// <summary>Decodes as many ids as fit.</summary>
    /// <param name="ids">Token ids; special tokens are kept.</param>
    /// <param name="destination">Receives the text.</param>
    /// <param name="idsConsumed">How many ids the text stands for.</param>
    /// <param name="charsWritten">How much text was written.</param>
    public override OperationStatus Decode(
        IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        (idsConsumed, charsWritten) = (0, 0);
        int[] all = [.. ids];
        var stream = CreateStreamDecoder(skipSpecialTokens: false);
        for (var i = 0; i < all.Length; i++)
        {
            var text = stream.Append(all[i]) + (i == all.Length - 1 ? stream.Flush() : string.Empty);
            if (!text.AsSpan().TryCopyTo(destination[charsWritten..]))
            {
                return OperationStatus.DestinationTooSmall;
            }

            charsWritten += text.Length;
            idsConsumed = i + 1;
        }

        return OperationStatus.Done;
    }

    /// <summary>Decodes ids; special tokens are kept.</summary>
    /// <param name="ids">Token ids.</param>
    public override string Decode(IEnumerable<int> ids) => Decode([.. ids], skipSpecialTokens: false);

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(
        string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var source = text ?? textSpan.ToString();
        List<EncodedToken> result = [];
        EncodePieces(source, [], result);
        var whole = result.Count <= settings.MaxTokenCount;
        var kept = whole ? result : result[..settings.MaxTokenCount];
        return new EncodeResults<EncodedToken>
        {
            Tokens = kept,
            NormalizedText = _normalizer?.Normalize(source),
            CharsConsumed = whole ? source.Length : kept.Count == 0 ? 0 : kept[^1].Offset.End.Value,
        };
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
