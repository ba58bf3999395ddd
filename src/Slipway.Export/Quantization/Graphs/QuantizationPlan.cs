namespace Slipway.Export.Quantization.Graphs;

/// <summary>A matrix of a graph and how it will be stored.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="Format">The way to store it, filled in.</param>
internal sealed record PlannedMatrix(GraphMatrix Matrix, MatrixFormat Format)
{
    /// <summary>Statistics that its method needs.</summary>
    public StatisticsNeed Needs => Format.Method is { } method && Matrix.Inputs.Any() | Matrix.Mixture is not null
        ? QuantizationMethods.Find(method).Needs
        : StatisticsNeed.None;
}

/// <summary>Decides how each matrix of a graph is stored.</summary>
internal static class QuantizationPlan
{
    private const int MaxListed = 5;

    /// <summary>Makes the plan: the first rule that fits a matrix, or else the whole package's format.</summary>
    /// <exception cref="ArgumentException">A rule fits no matrix.</exception>
    public static IReadOnlyList<PlannedMatrix> Make(
        IReadOnlyList<GraphMatrix> matrices, MatrixFormat whole, IReadOnlyList<RecipeRule> rules)
    {
        foreach (var rule in rules.Where(rule => !matrices.Any(matrix => rule.Fits(matrix.Name, matrix.IsHead))))
        {
            throw new ArgumentException(
                $"The pattern '{rule.Pattern}' of the recipe fits no matrix of the model. Its matrices are "
                + $"{string.Join(", ", matrices.Take(MaxListed).Select(matrix => $"'{matrix.Name}'"))}"
                + $"{(matrices.Count > MaxListed ? $" and {matrices.Count - MaxListed} more" : "")}.", nameof(rules));
        }

        return [.. matrices.Select(matrix => new PlannedMatrix(matrix, Complete(
            rules.FirstOrDefault(rule => rule.Fits(matrix.Name, matrix.IsHead))?.Format ?? whole, whole)))];
    }

    private static MatrixFormat Complete(MatrixFormat format, MatrixFormat whole) => format.BitsOf() is null
        ? format
        : format with { Method = format.Method ?? whole.Method, BlockSize = format.BlockSize ?? whole.BlockSize };
}
