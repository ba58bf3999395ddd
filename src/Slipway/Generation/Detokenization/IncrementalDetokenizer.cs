using System.Text;
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

/// <summary>Finds stop sequences in a growing text and holds back what could be the start of one.</summary>
/// <remarks>The text ends where a sequence is first complete, however the text was split into pieces.</remarks>
internal sealed class StopSequences(IReadOnlyList<string> sequences)
{
    private string _held = "";

    public bool IsMatched { get; private set; }

    /// <summary>Takes further text and returns what is certain to come before any stop sequence.</summary>
    public string Append(string text)
    {
        var certain = new StringBuilder();
        foreach (var character in text)
        {
            if (IsMatched)
            {
                break;
            }

            _held += character;
            var complete = sequences
                .Where(sequence => _held.EndsWith(sequence, StringComparison.Ordinal))
                .Select(sequence => sequence.Length)
                .DefaultIfEmpty()
                .Max();
            IsMatched = complete > 0;
            var kept = IsMatched ? complete : LongestStart();
            certain.Append(_held.AsSpan(0, _held.Length - kept));
            _held = IsMatched ? "" : _held[^kept..];
        }

        return certain.ToString();
    }

    /// <summary>Returns what is held back, when no more text comes.</summary>
    public string Flush()
    {
        var rest = _held;
        _held = "";
        return rest;
    }

    // The longest end of the held text with which a stop sequence begins.
    private int LongestStart()
    {
        var longest = 0;
        foreach (var sequence in sequences)
        {
            for (var length = Math.Min(sequence.Length - 1, _held.Length); length > longest; length--)
            {
                if (_held.AsSpan(_held.Length - length).SequenceEqual(sequence.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
