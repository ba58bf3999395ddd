namespace Slipway;

/// <summary>Tells how probable a token of a given text is after those before it.</summary>
/// <param name="Id">The token's id.</param>
/// <param name="LogProbability">The natural logarithm of its probability.</param>
/// <param name="Alternatives">The most probable tokens at its position, best first.</param>
public sealed record TokenScore(int Id, float LogProbability, IReadOnlyList<TokenLogProbability> Alternatives);
