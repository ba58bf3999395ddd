namespace Slipway.Sampling.Processors;

/// <summary>Keeps the k most probable tokens, and those equal to the last of them.</summary>
internal sealed class TopKProcessor(int count) : ILogitsProcessor
{
    private readonly PriorityQueue<float, float> best = new();

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        if (count >= logits.Length)
        {
            return;
        }

        best.Clear();
        var least = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            if (best.Count < count)
            {
                best.Enqueue(logit, logit);
                least = best.Peek();
            }
            else if (logit > least)
            {
                best.EnqueueDequeue(logit, logit);
                least = best.Peek();
            }
        }

        foreach (ref var logit in logits)
        {
            if (logit < least)
            {
                logit = float.NegativeInfinity;
            }
        }
    }
}
