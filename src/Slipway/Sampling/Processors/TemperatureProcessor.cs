using System.Numerics.Tensors;

namespace Slipway.Sampling.Processors;

/// <summary>Divides the logits: below 1 sharpens the distribution, above 1 flattens it.</summary>
/// <remarks>
/// The largest logit is subtracted first, which changes no probability: quotients of a low temperature then keep
/// float32's precision near 0, where it counts, and leave its range only towards negative infinity, a probability of 0.
/// </remarks>
internal sealed class TemperatureProcessor(double temperature) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var max = TensorPrimitives.Max<float>(logits);
        if (float.IsInfinity(max))
        {
            return;
        }

        foreach (ref var logit in logits)
        {
            logit = (float)(((double)logit - max) / temperature);
        }
    }
}
