namespace Slipway.Sampling.Processors;

/// <summary>Keeps the surprise of the tokens drawn near a target: version 2 of mirostat.</summary>
/// <remarks>
/// Tokens that would surprise more than a bound are dropped, and the bound follows the surprise of the tokens that were
/// drawn. Source: Basu et al., "Mirostat: a neural text decoding algorithm that directly controls perplexity", 2021.
/// </remarks>
/// <param name="target">The surprise to keep, in bits.</param>
/// <param name="rate">How fast the bound follows, 0 to 1.</param>
internal sealed class MirostatProcessor(double target, double rate) : ILogitsProcessor
{
    private float[] previous = [];
    private double bound = 2 * target;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // A token that another rule forced on the answer, against the bound, tells nothing of the bound.
        if (previous.Length > 0 && float.IsFinite(previous[outputIds[^1]]))
        {
            var surprise = -(previous[outputIds[^1]] - Softmax.LogSumExp(previous)) / Math.Log(2);
            bound -= rate * (surprise - target);
        }

        var least = Softmax.LogSumExp(logits) - (bound * Math.Log(2));
        var best = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            best = logits[id] > logits[best] ? id : best;
        }

        for (var id = 0; id < logits.Length; id++)
        {
            logits[id] = logits[id] >= least || id == best ? logits[id] : float.NegativeInfinity;
        }

        previous = previous.Length == logits.Length ? previous : new float[logits.Length];
        logits.CopyTo(previous);
    }
}
