namespace Slipway.Sampling.Processors;

/// <summary>Keeps the k most probable tokens, and those equal to the last of them.</summary>
internal sealed class TopKProcessor(int count) : ILogitsProcessor
{
    private readonly PriorityQueue<float, float> _best = new();

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        if (count >= logits.Length)
        {
            return;
        }

        _best.Clear();
        var min = float.NegativeInfinity;
        foreach (var logit in logits)
        {
            if (_best.Count < count)
            {
                _best.Enqueue(logit, logit);
                min = _best.Peek();
            }
            else if (logit > min)
            {
                _best.EnqueueDequeue(logit, logit);
                min = _best.Peek();
            }
        }

        foreach (ref var logit in logits)
        {
            if (logit < min)
            {
                logit = float.NegativeInfinity;
            }
        }
    }
}
