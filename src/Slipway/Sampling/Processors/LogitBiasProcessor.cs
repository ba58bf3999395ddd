namespace Slipway.Sampling.Processors;

/// <summary>Adds a value to the logits of single tokens.</summary>
internal sealed class LogitBiasProcessor(IReadOnlyDictionary<int, float> bias) : ILogitsProcessor
{
    private readonly KeyValuePair<int, float>[] _entries = [.. bias];

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        foreach (var (id, value) in _entries)
        {
            logits[id] += value;
        }
    }
}
