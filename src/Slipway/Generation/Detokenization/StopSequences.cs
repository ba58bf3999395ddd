using System.Text;

namespace Slipway.Generation.Detokenization;

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
