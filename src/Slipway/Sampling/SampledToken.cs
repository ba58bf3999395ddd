namespace Slipway.Sampling;

/// <summary>A chosen token, with log-probabilities where they were asked for.</summary>
internal readonly record struct SampledToken(
    int Id,
    float? LogProbability,
    IReadOnlyList<TokenLogProbability> Alternatives);
