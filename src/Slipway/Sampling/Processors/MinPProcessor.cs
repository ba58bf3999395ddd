using System.Numerics.Tensors;

namespace Slipway.Sampling.Processors;

/// <summary>Drops tokens less probable than a share of the most probable one.</summary>
/// <remarks>Source: Nguyen et al., "Turning up the heat: min-p sampling", 2024.</remarks>
internal sealed class MinPProcessor(double share) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // p / p_max = exp(logit - max), so no softmax is needed.
        var min = TensorPrimitives.Max<float>(logits) + Math.Log(share);
        foreach (ref var logit in logits)
        {
            if (logit < min)
            {
                logit = float.NegativeInfinity;
            }
        }
    }
}
