namespace Slipway.Sampling.Processors;

/// <summary>Divides positive and multiplies negative logits of every token in prompt and answer.</summary>
/// <remarks>Source: Keskar et al., "CTRL", 2019.</remarks>
internal sealed class RepetitionPenaltyProcessor(double penalty) : ILogitsProcessor
{
    private readonly HashSet<int> seen = [];
    private int seenPrompt;
    private int seenOutput;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        for (; seenPrompt < promptIds.Length; seenPrompt++)
        {
            seen.Add(promptIds[seenPrompt]);
        }

        for (; seenOutput < outputIds.Length; seenOutput++)
        {
            seen.Add(outputIds[seenOutput]);
        }

        var factor = (float)penalty;
        foreach (var id in seen)
        {
            ref var logit = ref logits[id];
            logit = logit < 0 ? logit * factor : Math.Min(logit / factor, float.MaxValue);
        }
    }
}
