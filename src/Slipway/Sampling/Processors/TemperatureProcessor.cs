using System.Numerics.Tensors;

namespace Slipway.Sampling.Processors;

/// <summary>Divides the logits: below 1 sharpens the distribution, above 1 flattens it.</summary>
internal sealed class TemperatureProcessor(double temperature) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        => TensorPrimitives.Divide(logits, (float)temperature, logits);
}
