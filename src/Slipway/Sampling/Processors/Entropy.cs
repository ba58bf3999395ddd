namespace Slipway.Sampling.Processors;

/// <summary>Measures the uncertainty of a distribution.</summary>
internal static class Entropy
{
    /// <summary>The entropy in nats.</summary>
    public static double Of(ReadOnlySpan<float> logits, double normalizer)
    {
        var entropy = 0.0;
        foreach (var logit in logits)
        {
            var log = logit - normalizer;
            var probability = Math.Exp(log);
            entropy -= probability > 0 ? probability * log : 0;
        }

        return entropy;
    }
}
