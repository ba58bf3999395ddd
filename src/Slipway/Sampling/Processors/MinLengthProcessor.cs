namespace Slipway.Sampling.Processors;

/// <summary>Forbids the tokens that end an answer until it has a number of tokens.</summary>
internal sealed class MinLengthProcessor(int length, IReadOnlyCollection<int> endIds) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        if (outputIds.Length >= length)
        {
            return;
        }

        foreach (var id in endIds)
        {
            if (id < logits.Length)
            {
                logits[id] = float.NegativeInfinity;
            }
        }
    }
}
