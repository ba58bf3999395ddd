namespace Slipway.Sampling.Processors;

/// <summary>Lowers tokens that would continue a repetition, the more the longer it is already.</summary>
/// <remarks>
/// A token that followed an earlier occurrence of the last <c>n</c> tokens, where <c>n</c> is at least the allowed
/// length, loses multiplier · base^(n − allowed length). Repetitions do not reach across breakers. Source: the DRY
/// sampler of text-generation-webui, 2024.
/// </remarks>
internal sealed class DryProcessor(
    double multiplier, double growth, int allowedLength, IReadOnlyCollection<int> breakers)
    : ILogitsProcessor
{
    // Beyond this the penalty forbids the token anyway.
    private const double MaxPenalty = 1e6;

    private readonly HashSet<int> _breakers = [.. breakers];
    private readonly Dictionary<int, int> _longest = [];
    private int[] _reversed = [];
    private int[] _matches = [];

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var length = promptIds.Length + outputIds.Length;
        if (_reversed.Length < length)
        {
            _reversed = new int[2 * length];
            _matches = new int[2 * length];
        }

        promptIds.CopyTo(_reversed);
        outputIds.CopyTo(_reversed.AsSpan(promptIds.Length));
        var ids = _reversed.AsSpan(0, length);
        ids.Reverse();
        var reach = 0;
        while (reach < length && !_breakers.Contains(ids[reach]))
        {
            reach++;
        }

        Match(ids);
        _longest.Clear();
        for (var i = 1; i < length; i++)
        {
            var match = Math.Min(_matches[i], reach);
            var next = ids[i - 1];
            if (match >= allowedLength && match > _longest.GetValueOrDefault(next) && !_breakers.Contains(next))
            {
                _longest[next] = match;
            }
        }

        foreach (var (id, match) in _longest)
        {
            logits[id] -= (float)Math.Min(multiplier * Math.Pow(growth, match - allowedLength), MaxPenalty);
        }
    }

    // The Z function: how many ids from position i on equal those at the beginning, in linear time.
    private void Match(ReadOnlySpan<int> ids)
    {
        var (left, right) = (0, 0);
        for (var i = 1; i < ids.Length; i++)
        {
            var match = i < right ? Math.Min(right - i, _matches[i - left]) : 0;
            while (i + match < ids.Length && ids[match] == ids[i + match])
            {
                match++;
            }

            _matches[i] = match;
            if (i + match > right)
            {
                (left, right) = (i, i + match);
            }
        }
    }
}
