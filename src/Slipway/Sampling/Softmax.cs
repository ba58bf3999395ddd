using System.Numerics.Tensors;

namespace Slipway.Sampling;

/// <summary>Turns logits into probabilities and log-probabilities, for logits of any size.</summary>
/// <remarks>
/// <c>p_i = exp(x_i - max) / sum_j exp(x_j - max)</c>: the largest exponential is 1, so none overflows, and the sum is
/// at least 1, so it never vanishes. Sums are kept in double precision. Logits of negative infinity have probability 0;
/// logits of positive infinity share all of it.
/// </remarks>
internal static class Softmax
{
    private const int Block = 1024;

    /// <summary>
    /// Computes the logarithm of the sum of the logits' exponentials; negative infinity where none is finite.
    /// </summary>
    public static double LogSumExp(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        if (float.IsInfinity(max))
        {
            return max;
        }

        Span<float> buffer = stackalloc float[Block];
        var sum = 0.0;
        for (var start = 0; start < logits.Length; start += Block)
        {
            var part = logits.Slice(start, Math.Min(Block, logits.Length - start));
            sum += ExpShifted(part, max, buffer[..part.Length]);
        }

        return max + Math.Log(sum);
    }

    /// <summary>Writes the probability of each token; zeros where every logit is negative infinity.</summary>
    /// <param name="logits">One value for each token.</param>
    /// <param name="probabilities">As many values; may be the logits themselves.</param>
    public static void Probabilities(ReadOnlySpan<float> logits, Span<float> probabilities)
    {
        var max = TensorPrimitives.Max(logits);
        var sum = 0.0;
        for (var start = 0; start < logits.Length; start += Block)
        {
            var length = Math.Min(Block, logits.Length - start);
            sum += ExpShifted(logits.Slice(start, length), max, probabilities.Slice(start, length));
        }

        if (sum > 0)
        {
            TensorPrimitives.Divide(probabilities[..logits.Length], (float)sum, probabilities);
        }
    }

    /// <summary>Writes the natural logarithm of each token's probability.</summary>
    /// <param name="logits">One value for each token; at least one is finite.</param>
    /// <param name="logProbabilities">As many values; may be the logits themselves.</param>
    public static void LogProbabilities(ReadOnlySpan<float> logits, Span<float> logProbabilities)
    {
        var normalizer = LogSumExp(logits);
        for (var id = 0; id < logits.Length; id++)
        {
            logProbabilities[id] = (float)(logits[id] - normalizer);
        }
    }

    private static double ExpShifted(ReadOnlySpan<float> logits, float max, Span<float> result)
    {
        if (float.IsInfinity(max))
        {
            // Infinity less itself is no number: only positive infinities have a share, an equal one.
            for (var i = 0; i < logits.Length; i++)
            {
                result[i] = float.IsPositiveInfinity(logits[i]) ? 1 : 0;
            }
        }
        else
        {
            TensorPrimitives.Subtract(logits, max, result);
            TensorPrimitives.Exp<float>(result, result);
        }

        return TensorPrimitives.Sum<float>(result);
    }
}
