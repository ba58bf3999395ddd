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
    private float[] _previous = [];
    private double _bound = 2 * target;

    public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
    {
        // A token that another rule forced on the answer, against the bound, tells nothing of the bound.
        if (_previous.Length > 0 && float.IsFinite(_previous[outputIds[^1]]))
        {
            var surprise = -(_previous[outputIds[^1]] - Softmax.LogSumExp(_previous)) / Math.Log(2);
            _bound -= rate * (surprise - target);
        }

        var min = Softmax.LogSumExp(logits) - (_bound * Math.Log(2));
        var best = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            best = logits[id] > logits[best] ? id : best;
        }

        for (var id = 0; id < logits.Length; id++)
        {
            logits[id] = logits[id] >= min || id == best ? logits[id] : float.NegativeInfinity;
        }

        _previous = _previous.Length == logits.Length ? _previous : new float[logits.Length];
        logits.CopyTo(_previous);
    }
}
