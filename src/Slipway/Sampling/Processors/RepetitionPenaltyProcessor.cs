namespace Slipway.Sampling.Processors;

/// <summary>Divides positive and multiplies negative logits of every token in prompt and answer.</summary>
/// <remarks>Source: Keskar et al., "CTRL", 2019.</remarks>
internal sealed class RepetitionPenaltyProcessor(double penalty) : ILogitsProcessor
{
    private readonly HashSet<int> _seen = [];
    private int _seenPrompt;
    private int _seenOutput;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        for (; _seenPrompt < promptIds.Length; _seenPrompt++)
        {
            _seen.Add(promptIds[_seenPrompt]);
        }

        for (; _seenOutput < outputIds.Length; _seenOutput++)
        {
            _seen.Add(outputIds[_seenOutput]);
        }

        var factor = (float)penalty;
        foreach (var id in _seen)
        {
            ref var logit = ref logits[id];
            logit = logit < 0 ? logit * factor : Math.Min(logit / factor, float.MaxValue);
        }
    }
}
