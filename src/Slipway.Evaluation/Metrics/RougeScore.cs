namespace Slipway.Evaluation.Metrics;

/// <summary>Holds a ROUGE score; each part is from 0 to 1.</summary>
/// <param name="Precision">The share of the prediction that the reference has too.</param>
/// <param name="Recall">The share of the reference that the prediction has too.</param>
public readonly record struct RougeScore(double Precision, double Recall)
{
    /// <summary>The harmonic mean of precision and recall; 0 where both are.</summary>
    public double F1 => Precision + Recall > 0 ? 2 * Precision * Recall / (Precision + Recall) : 0;
}

/// <summary>Holds the customary ROUGE scores of a prediction.</summary>
/// <param name="Rouge1">Single words.</param>
/// <param name="Rouge2">Pairs of words.</param>
/// <param name="RougeL">The longest common subsequence of both texts.</param>
/// <param name="RougeLsum">The union of longest common subsequences, line by line.</param>
public sealed record RougeScores(RougeScore Rouge1, RougeScore Rouge2, RougeScore RougeL, RougeScore RougeLsum);
