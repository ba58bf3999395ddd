namespace Slipway.Sampling.Processors;

/// <summary>Forbids every token that would complete a group of tokens a second time, prompt included.</summary>
internal sealed class NoRepeatNgramProcessor(int size) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        int[] all = [.. promptIds, .. outputIds];
        if (all.Length < size)
        {
            return;
        }

        var last = all.AsSpan(all.Length - size + 1);
        for (var start = 0; start + size <= all.Length; start++)
        {
            if (all.AsSpan(start, size - 1).SequenceEqual(last))
            {
                logits[all[start + size - 1]] = float.NegativeInfinity;
            }
        }
    }
}
