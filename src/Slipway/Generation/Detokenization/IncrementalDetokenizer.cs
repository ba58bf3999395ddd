using Slipway.Tokenization;

namespace Slipway.Generation.Detokenization;

/// <summary>Makes the text of an answer token by token and watches for stop sequences.</summary>
/// <param name="tokens">Makes text of tokens; null for a package without a tokenizer, whose answers have no
/// text.</param>
/// <param name="stopSequences">Texts that end the answer.</param>
/// <param name="includeSpecialTokens">Whether the token that ends an answer is part of its text.</param>
internal sealed class IncrementalDetokenizer(
    TokenStreamDecoder? tokens,
    IReadOnlyList<string> stopSequences,
    bool includeSpecialTokens)
{
    private readonly StopSequences? _stop = stopSequences.Count == 0 ? null : new StopSequences(stopSequences);

    /// <summary>Tells whether a stop sequence came up; no text follows then.</summary>
    public bool IsStopped => _stop?.IsMatched ?? false;

    /// <summary>Takes a token and returns the text that is now certain.</summary>
    public string Append(int id, bool isEnd)
    {
        // The token that ends an answer is not part of its text, unless special tokens are asked for.
        var piece = tokens is null || (isEnd && !includeSpecialTokens) ? "" : tokens.Append(id);
        return _stop is null ? piece : _stop.Append(piece);
    }

    /// <summary>Returns the text that was still held back, when the answer has ended.</summary>
    public string Flush()
    {
        if (tokens is null || IsStopped)
        {
            return "";
        }

        var rest = tokens.Flush();
        return _stop is null ? rest : _stop.Append(rest) + _stop.Flush();
    }
}
