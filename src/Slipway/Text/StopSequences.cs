namespace Slipway.Text;

/// <summary>Finds stop sequences in a growing text and holds back what could be the start of one.</summary>
internal sealed class StopSequences(IReadOnlyList<string> sequences)
{
    private string held = "";

    public bool IsMatched { get; private set; }

    /// <summary>Takes further text and returns what is certain to come before any stop sequence.</summary>
    public string Append(string text)
    {
        if (IsMatched || text.Length == 0)
        {
            return "";
        }

        held += text;
        var match = sequences
            .Select(sequence => held.IndexOf(sequence, StringComparison.Ordinal))
            .Where(index => index >= 0)
            .DefaultIfEmpty(-1)
            .Min();
        IsMatched = match >= 0;
        var certain = IsMatched ? match : held.Length - LongestStart();
        var result = held[..certain];
        held = IsMatched ? "" : held[certain..];
        return result;
    }

    /// <summary>Returns what is held back, when no more text comes.</summary>
    public string Flush()
    {
        var rest = held;
        held = "";
        return rest;
    }

    // The longest end of the held text with which a stop sequence begins.
    private int LongestStart()
    {
        var longest = 0;
        foreach (var sequence in sequences)
        {
            for (var length = Math.Min(sequence.Length - 1, held.Length); length > longest; length--)
            {
                if (held.AsSpan(held.Length - length).SequenceEqual(sequence.AsSpan(0, length)))
                {
                    longest = length;
                }
            }
        }

        return longest;
    }
}
