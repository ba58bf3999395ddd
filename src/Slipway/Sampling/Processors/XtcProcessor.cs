namespace Slipway.Sampling.Processors;

/// <summary>Now and then drops the most probable tokens but the least of those above a threshold.</summary>
/// <remarks>Source: the XTC ("exclude top choices") sampler of text-generation-webui, 2024.</remarks>
internal sealed class XtcProcessor(double probability, double threshold, RandomSource random) : ILogitsProcessor
{
    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // Drawn at every token, so that later draws do not depend on this one's outcome.
        if (random.NextDouble() >= probability)
        {
            return;
        }

        var min = Softmax.LogSumExp(logits) + Math.Log(threshold);
        var kept = float.PositiveInfinity;
        foreach (var logit in logits)
        {
            kept = logit >= min ? Math.Min(kept, logit) : kept;
        }

        if (float.IsPositiveInfinity(kept))
        {
            return;
        }

        for (var id = 0; id < logits.Length; id++)
        {
            logits[id] = logits[id] > kept ? float.NegativeInfinity : logits[id];
        }
    }
}
