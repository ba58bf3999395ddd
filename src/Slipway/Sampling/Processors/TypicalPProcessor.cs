namespace Slipway.Sampling.Processors;

/// <summary>Keeps the tokens whose information is nearest to the entropy, until they reach a probability.</summary>
/// <remarks>Source: Meister et al., "Locally typical sampling", 2022.</remarks>
internal sealed class TypicalPProcessor(double mass) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        var normalizer = Softmax.LogSumExp(logits);
        var entropy = Entropy.Of(logits, normalizer);
        var candidates = new List<(double Distance, double Probability, int Id)>();
        for (var id = 0; id < logits.Length; id++)
        {
            if (!float.IsNegativeInfinity(logits[id]))
            {
                var log = logits[id] - normalizer;
                candidates.Add((Math.Abs(-log - entropy), Math.Exp(log), id));
            }
        }

        // Of equal ones the first come first, whatever the sort does.
        candidates.Sort((x, y) => (x.Distance, x.Id).CompareTo((y.Distance, y.Id)));
        var before = 0.0;
        var kept = 0;
        while (kept < candidates.Count && (kept == 0 || before < mass))
        {
            before += candidates[kept++].Probability;
        }

        foreach (var (_, _, id) in candidates.Skip(kept))
        {
            logits[id] = float.NegativeInfinity;
        }
    }
}
