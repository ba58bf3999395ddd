using System.Runtime.InteropServices;

namespace Slipway.Sampling.Processors;

/// <summary>Subtracts a presence penalty once and a frequency penalty for each occurrence in the answer.</summary>
/// <remarks>Source: OpenAI's API reference, presence_penalty and frequency_penalty.</remarks>
internal sealed class OccurrencePenaltyProcessor(double presence, double frequency) : ILogitsProcessor
{
    private readonly Dictionary<int, int> _counts = [];
    private int _seen;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        for (; _seen < outputIds.Length; _seen++)
        {
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, outputIds[_seen], out _)++;
        }

        foreach (var (id, count) in _counts)
        {
            logits[id] -= (float)(presence + (count * frequency));
        }
    }
}
