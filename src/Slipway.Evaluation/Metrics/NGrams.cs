namespace Slipway.Evaluation.Metrics;

/// <summary>Counts runs of tokens.</summary>
internal static class NGrams
{
    // A noncharacter, which Unicode reserves for such use inside a program.
    private const char Separator = '\uFFFF';

    /// <summary>Counts the runs of one length.</summary>
    public static Dictionary<string, int> Count(IReadOnlyList<string> tokens, int length)
    {
        var counts = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var start = 0; start + length <= tokens.Count; start++)
        {
            var run = length == 1 ? tokens[start] : string.Join(Separator, tokens.Skip(start).Take(length));
            counts[run] = counts.GetValueOrDefault(run) + 1;
        }

        return counts;
    }

    /// <summary>Counts what two bags have in common.</summary>
    public static int Overlap(Dictionary<string, int> left, Dictionary<string, int> right)
        => left.Sum(run => Math.Min(run.Value, right.GetValueOrDefault(run.Key)));
}
