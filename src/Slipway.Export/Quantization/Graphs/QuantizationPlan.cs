using Slipway.Export.Weights;
using Slipway.Packaging;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>A matrix of a graph and how it will be stored.</summary>
/// <param name="Matrix">The matrix.</param>
/// <param name="Format">The way to store it, filled in.</param>
internal sealed record PlannedMatrix(GraphMatrix Matrix, MatrixFormat Format)
{
    /// <summary>Tells whether nobody has named its method, so that what it loses may decide.</summary>
    public bool IsFree { get; init; }

    /// <summary>Tells whether a rule names its precision.</summary>
    public bool HasOwnFormat { get; init; }

    /// <summary>Tells whether it stays as the checkpoint holds it.</summary>
    public bool IsKept { get; init; }

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
    /// <param name="matrices">The matrices.</param>
    /// <param name="whole">The package's format; without a method where what matrices lose decides.</param>
    /// <param name="rules">Exceptions from it.</param>
    /// <param name="isFree">Whether no method was named for the package, and a calibration can tell.</param>
    /// <param name="kept">Matrices that no rule fits and that stay as they are; null for none.</param>
    /// <exception cref="ArgumentException">A rule fits no matrix, or earlier rules fit all that it does.</exception>
    public static IReadOnlyList<PlannedMatrix> Make(
        IReadOnlyList<GraphMatrix> matrices, MatrixFormat whole, IReadOnlyList<RecipeRule> rules, bool isFree,
        KeptMatrices? kept = null)
    {
        Check(matrices, rules);

        return
        [
            .. matrices.Select(matrix =>
            {
                var own = rules.FirstOrDefault(rule => rule.Fits(matrix.Name, matrix.IsHead))?.Format;
                if (own is null && kept?.Has(matrix) == true)
                {
                    return new PlannedMatrix(matrix, new MatrixFormat(whole.Precision)) { IsKept = true };
                }

                var format = own ?? whole;
                var method = isFree && format.Precision < Precision.Int4 ? QuantizationMethods.Default : null;
                return new PlannedMatrix(matrix, Complete(format, whole, method))
                {
                    IsFree = isFree && own?.Method is null && format.Precision >= Precision.Int4,
                    HasOwnFormat = own is not null,
                };
            }),
        ];
    }

    private static void Check(IReadOnlyList<GraphMatrix> matrices, IReadOnlyList<RecipeRule> rules)
    {
        HashSet<GraphMatrix> left = [.. matrices];
        foreach (var rule in rules)
        {
            GraphMatrix[] fitting = [.. matrices.Where(matrix => rule.Fits(matrix.Name, matrix.IsHead))];
            if (fitting.Length == 0)
            {
                throw new ArgumentException(
                    $"The pattern '{rule.Pattern}' of the recipe fits no matrix of the model. Its matrices are "
                    + $"{string.Join(", ", matrices.Take(MaxListed).Select(matrix => $"'{matrix.Name}'"))}"
                    + $"{(matrices.Count > MaxListed ? $" and {matrices.Count - MaxListed} more" : "")}.",
                    nameof(rules));
            }

            if (!fitting.Any(left.Contains))
            {
                throw new ArgumentException(
                    $"The rule '{rule}' of the recipe decides nothing: rules before it fit all of its matrices, such "
                    + $"as '{fitting[0].Name}', and the first that fits counts. Put it before them, or leave it out.",
                    nameof(rules));
            }

            left.ExceptWith(fitting);
        }
    }

    private static MatrixFormat Complete(MatrixFormat format, MatrixFormat whole, QuantizationMethod? method) =>
        format.BitsOf() is null ? new MatrixFormat(format.Precision) : format with
        {
            Method = format.Method ?? method?.Name ?? whole.Method ?? QuantizationMethods.Calibrated.Name,
            BlockSize = format.BlockSize ?? whole.BlockSize,
        };

    /// <summary>Describes a plan: the package's recipe, and the matrices that are stored otherwise.</summary>
    /// <param name="spent">The plan.</param>
    /// <param name="recipe">The package's own; null where it stores numbers.</param>
    /// <returns>The recipe; for numbers that of most codes, and null where there are none.</returns>
    public static QuantizationRecipe? Describe(SpentPlan spent, QuantizationRecipe? recipe)
    {
        var plan = spent.Plan;
        recipe ??= Most(plan, planned => planned.Format.BitsOf() is not null) is { } coded
            ? new QuantizationRecipe
            {
                Method = coded.Method!, Bits = coded.BitsOf()!.Value, BlockSize = coded.BlockSize!.Value,
            }
            : null;
        if (recipe is null)
        {
            return null;
        }

        recipe = recipe with
        {
            BitsPerWeight = spent.BitsPerWeight is { } bits ? Math.Round(bits, 3) : null,
            ExpectedDivergence = spent.Loss is { } loss ? Math.Round(loss, 5) : null,
        };
        var most = Most(plan, planned => planned.Format.BitsOf() == recipe.Bits);
        return most is null ? recipe : recipe with
        {
            Method = most.Method!,
            BlockSize = most.BlockSize!.Value,
            Matrices = plan.All(planned => planned.Format == most) ? null : plan
                .Where(planned => planned.Format != most)
                .ToDictionary(planned => planned.Matrix.Name, planned => planned.Format.ToString()),
        };
    }

    private static MatrixFormat? Most(IReadOnlyList<PlannedMatrix> plan, Func<PlannedMatrix, bool> isMeant) =>
        plan.Where(isMeant).GroupBy(planned => planned.Format)
            .MaxBy(group => group.Sum(planned => (long)planned.Matrix.Rows * planned.Matrix.Columns))?.Key;
}
