using System.Numerics.Tensors;

namespace Slipway.Sampling.Processors;

/// <summary>Drops tokens below a probability, which may shrink with the entropy; the most probable one stays.</summary>
/// <remarks>Source: Hewitt et al., "Truncation sampling as language model desmoothing", 2022.</remarks>
/// <param name="epsilon">The probability.</param>
/// <param name="followsEntropy">Whether the threshold is min(epsilon, sqrt(epsilon) * exp(-entropy)) (eta).</param>
internal sealed class EpsilonEtaProcessor(double epsilon, bool followsEntropy) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var normalizer = Softmax.LogSumExp(logits);
        var threshold = followsEntropy
            ? Math.Min(epsilon, Math.Sqrt(epsilon) * Math.Exp(-Entropy.Of(logits, normalizer)))
            : epsilon;
        var min = Math.Min(normalizer + Math.Log(threshold), TensorPrimitives.Max<float>(logits));
        foreach (ref var logit in logits)
        {
            if (logit < min)
            {
                logit = float.NegativeInfinity;
            }
        }
    }
}
