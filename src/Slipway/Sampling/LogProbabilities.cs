using System.Numerics.Tensors;

namespace Slipway.Sampling;

/// <summary>Turns logits into natural log-probabilities.</summary>
internal static class LogProbabilities
{
    /// <summary>The logarithm of the sum of the logits' exponentials.</summary>
    public static double Normalizer(ReadOnlySpan<float> logits)
    {
        const int Block = 1024;
        Span<float> buffer = stackalloc float[Block];
        var max = TensorPrimitives.Max(logits);
        var sum = 0.0;
        for (var start = 0; start < logits.Length; start += Block)
        {
            var part = logits.Slice(start, Math.Min(Block, logits.Length - start));
            var shifted = buffer[..part.Length];
            TensorPrimitives.Subtract(part, max, shifted);
            TensorPrimitives.Exp<float>(shifted, shifted);
            sum += TensorPrimitives.Sum<float>(shifted);
        }

        return max + Math.Log(sum);
    }

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
            else if (best.TryPeek(out _, out var least) && logits[id] > least)
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
