namespace Slipway.Export.Quantization;

/// <summary>Statistics of what a matrix multiplies, or each matrix of a stack of experts.</summary>
/// <param name="All">Over all tokens; null where nothing is known.</param>
/// <param name="Experts">Over the tokens of each expert, or null for one without any; null for a single matrix.</param>
internal sealed record MatrixInputs(InputStatistics? All, IReadOnlyList<InputStatistics?>? Experts = null)
{
    /// <summary>Nothing is known.</summary>
    public static MatrixInputs None { get; } = new(null, null);

    /// <summary>The same of inputs that are divided by factors.</summary>
    /// <param name="factors">One for each input, of all experts or of one after the other.</param>
    public MatrixInputs DividedBy(float[] factors) => new(
        All?.Moments.Length == factors.Length ? All.DividedBy(factors) : All,
        Experts?.Select((statistics, expert) => statistics?.DividedBy(
            factors.Length == statistics.Moments.Length
                ? factors : factors.AsSpan(expert * statistics.Moments.Length, statistics.Moments.Length))).ToArray());
}
