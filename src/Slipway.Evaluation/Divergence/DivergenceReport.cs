using Slipway.Evaluation.Statistics;

namespace Slipway.Evaluation.Divergence;

/// <summary>Holds how far a model's predictions are from those of a reference.</summary>
/// <param name="MeanDivergence">The mean divergence D(reference ‖ candidate) of a position, in nats.</param>
/// <param name="MedianDivergence">The divergence that half of the positions do not exceed.</param>
/// <param name="Divergence99">The divergence that 99 of 100 positions do not exceed.</param>
/// <param name="MaxDivergence">The largest divergence.</param>
/// <param name="TopAgreement">The share of positions where both find the same token most probable, 0 to 1.</param>
/// <param name="ReferencePerplexity">The reference's perplexity over the scored tokens.</param>
/// <param name="CandidatePerplexity">The candidate's perplexity over the same tokens.</param>
/// <param name="ScoredTokens">Positions that were compared.</param>
/// <param name="Windows">Windows of the text.</param>
/// <param name="Elapsed">The time that both models took.</param>
public sealed record DivergenceReport(
    Estimate MeanDivergence,
    double MedianDivergence,
    double Divergence99,
    double MaxDivergence,
    Estimate TopAgreement,
    double ReferencePerplexity,
    double CandidatePerplexity,
    int ScoredTokens,
    int Windows,
    TimeSpan Elapsed)
{
    /// <summary>The comparisons window by window.</summary>
    internal IReadOnlyList<WindowDivergence> PerWindow { get; init; } = [];

    internal static DivergenceReport Of(IReadOnlyList<WindowDivergence> windows, TimeSpan elapsed)
    {
        TokenDivergence[] positions = [.. windows.SelectMany(window => window.Positions)];
        double[] sorted = [.. positions.Select(position => position.Divergence).Order()];
        return new DivergenceReport(
            Estimate.OfMean(sorted),
            Quantile(sorted, 0.5),
            Quantile(sorted, 0.99),
            sorted[^1],
            Estimate.OfMean([.. positions.Select(position => position.Agrees ? 1.0 : 0)]),
            Math.Exp(positions.Average(position => position.ReferenceNll)),
            Math.Exp(positions.Average(position => position.CandidateNll)),
            positions.Length,
            windows.Count,
            elapsed) { PerWindow = windows };
    }

    private static double Quantile(double[] sorted, double share)
        => sorted[Math.Clamp((int)Math.Ceiling(share * sorted.Length) - 1, 0, sorted.Length - 1)];
}

/// <summary>Tells how far a measurement is.</summary>
/// <param name="Done">Windows done.</param>
/// <param name="Windows">All windows.</param>
/// <param name="MeanDivergence">The mean divergence so far, in nats.</param>
public sealed record DivergenceProgress(int Done, int Windows, double MeanDivergence);
