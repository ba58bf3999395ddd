namespace Slipway.Sampling;

/// <summary>Selects the tokens whose log-probabilities a caller sees.</summary>
internal static class LogProbabilities
{
    /// <summary>The most probable tokens, best first.</summary>
    public static TokenLogProbability[] Top(ReadOnlySpan<float> logits, double normalizer, int count)
    {
        if (count == 0)
        {
            return [];
        }

        var best = new PriorityQueue<int, float>(count + 1);
        for (var id = 0; id < logits.Length; id++)
        {
            if (best.Count < count)
            {
                best.Enqueue(id, logits[id]);
            }
            else if (best.TryPeek(out _, out var min) && logits[id] > min)
            {
                best.EnqueueDequeue(id, logits[id]);
            }
        }

        var result = new TokenLogProbability[best.Count];
        for (var i = result.Length - 1; i >= 0; i--)
        {
            best.TryDequeue(out var id, out var logit);
            result[i] = new TokenLogProbability(id, (float)(logit - normalizer));
        }

        return result;
    }
}
