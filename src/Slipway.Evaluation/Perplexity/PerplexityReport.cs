namespace Slipway.Evaluation.Perplexity;

/// <summary>Holds how well a model predicts a text.</summary>
/// <param name="NllPerWindow">The mean negative log-likelihood of each window's scored tokens, in nats.</param>
/// <param name="Perplexity">The exponential of the mean over all scored tokens.</param>
/// <param name="ScoredTokens">Tokens that were predicted.</param>
/// <param name="TextTokens">Tokens of the whole text.</param>
/// <param name="Elapsed">The time that the model took.</param>
public sealed record PerplexityReport(
    IReadOnlyList<double> NllPerWindow,
    double Perplexity,
    int ScoredTokens,
    int TextTokens,
    TimeSpan Elapsed)
{
    /// <summary>The sums window by window.</summary>
    internal IReadOnlyList<WindowScore> PerWindow { get; init; } = [];
}

/// <summary>Tells how far a measurement is.</summary>
/// <param name="Done">Windows done.</param>
/// <param name="Windows">All windows.</param>
/// <param name="Perplexity">The perplexity so far.</param>
public sealed record PerplexityProgress(int Done, int Windows, double Perplexity);
