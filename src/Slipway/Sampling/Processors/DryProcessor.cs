namespace Slipway.Sampling.Processors;

/// <summary>Lowers tokens that would continue a repetition, the more the longer it is already.</summary>
/// <remarks>
/// A token that followed an earlier occurrence of the last <c>n</c> tokens, where <c>n</c> is at least the allowed length,
/// loses multiplier · base^(n − allowed length). Repetitions do not reach across breakers. Source: the DRY sampler of
/// text-generation-webui, 2024.
/// </remarks>
internal sealed class DryProcessor(double multiplier, double growth, int allowedLength, IReadOnlyCollection<int> breakers)
    : ILogitsProcessor
{
    // Beyond this the penalty forbids the token anyway.
    private const double LargestPenalty = 1e6;

    private readonly HashSet<int> breakers = [.. breakers];
    private readonly Dictionary<int, int> longest = [];
    private int[] reversed = [];
    private int[] matches = [];

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var length = promptIds.Length + outputIds.Length;
        if (reversed.Length < length)
        {
            reversed = new int[2 * length];
            matches = new int[2 * length];
        }

        promptIds.CopyTo(reversed);
        outputIds.CopyTo(reversed.AsSpan(promptIds.Length));
        var ids = reversed.AsSpan(0, length);
        ids.Reverse();
        var reach = 0;
        while (reach < length && !breakers.Contains(ids[reach]))
        {
            reach++;
        }

        Match(ids);
        longest.Clear();
        for (var i = 1; i < length; i++)
        {
            var match = Math.Min(matches[i], reach);
            var next = ids[i - 1];
            if (match >= allowedLength && match > longest.GetValueOrDefault(next) && !breakers.Contains(next))
            {
                longest[next] = match;
            }
        }

        foreach (var (id, match) in longest)
        {
            logits[id] -= (float)Math.Min(multiplier * Math.Pow(growth, match - allowedLength), LargestPenalty);
        }
    }

    // The Z function: how many ids from position i on equal those at the beginning, in linear time.
    private void Match(ReadOnlySpan<int> ids)
    {
        var (left, right) = (0, 0);
        for (var i = 1; i < ids.Length; i++)
        {
            var match = i < right ? Math.Min(right - i, matches[i - left]) : 0;
            while (i + match < ids.Length && ids[match] == ids[i + match])
            {
                match++;
            }

            matches[i] = match;
            if (i + match > right)
            {
                (left, right) = (i, i + match);
            }
        }
    }
}
