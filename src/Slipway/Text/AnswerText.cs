namespace Slipway.Text;

/// <summary>Makes the text of an answer token by token and watches for stop sequences.</summary>
internal sealed class AnswerText(ITokenText tokens, IReadOnlyList<string> stopSequences, bool includeSpecialTokens)
{
    private readonly StopSequences? stop = stopSequences.Count == 0 ? null : new StopSequences(stopSequences);

    /// <summary>Whether a stop sequence came up; no text follows then.</summary>
    public bool IsStopped => stop?.IsMatched ?? false;

    /// <summary>Takes a token and returns the text that is now certain.</summary>
    public string Append(int id, bool isEnd)
    {
        // The token that ends an answer is not part of its text, unless special tokens are asked for.
        var piece = isEnd && !includeSpecialTokens ? "" : tokens.Append(id);
        return stop is null ? piece : stop.Append(piece);
    }

    /// <summary>Returns the text that was still held back, when the answer has ended.</summary>
    public string Flush()
    {
        if (IsStopped)
        {
            return "";
        }

        var rest = tokens.Flush();
        return stop is null ? rest : stop.Append(rest) + stop.Flush();
    }
}
