using System.Numerics.Tensors;
using Slipway.Export.Quantization.Graphs;

namespace Slipway.Export.Quantization.Folding;

/// <summary>Chooses the factors of inputs for methods that scale them, and has the constants take them up.</summary>
/// <remarks>
/// Each power of the inputs' sizes is tried on some rows of the matrices that multiply them: their outputs' error is
/// (Q(W·diag(s))·diag(s)⁻¹ − W)·x, squared and summed over the calibration text. Codes are chosen by mean squares alone
/// here, whatever the method does with products later.
/// </remarks>
internal sealed class ActivationScales
{
    // Rows of a matrix that are tried, evenly from all.
    private const int MaxRows = 64;

    // Powers are so many parts of 1.
    private const int Powers = 10;

    // Factors are this far from their mean at most: what is hardly seen must not be lost.
    private const float MaxFactor = 100;

    private readonly Dictionary<string, float[]> _factors = new(StringComparer.Ordinal);

    /// <summary>Chooses all factors; from then on the tensors are read with them.</summary>
    /// <param name="folds">What can be scaled.</param>
    /// <param name="plan">How matrices are stored.</param>
    /// <param name="statistics">Gives statistics of a matrix's inputs.</param>
    /// <param name="tensors">The constants.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static ActivationScales Choose(
        IEnumerable<ScaleFold> folds, IReadOnlyList<PlannedMatrix> plan,
        Func<GraphMatrix, InputStatistics?> statistics, GraphTensors tensors, CancellationToken cancellationToken)
    {
        ActivationScales result = new();
        if (!plan.Any(Scales))
        {
            return result;
        }

        foreach (var fold in folds)
        {
            HashSet<string> consumers = [.. fold.Targets.Where(target => !target.Divides)
                .Select(target => target.Constant)];
            PlannedMatrix[] matrices = [.. plan.Where(
                planned => consumers.Contains(planned.Matrix.Name) && planned.Format.BitsOf() is not null)];
            if (matrices.Any(Scales)
                && Search(fold, matrices, statistics, tensors, cancellationToken) is { } factors)
            {
                result.Apply(fold, factors, tensors);
            }
        }

        return result;
    }

    /// <summary>Statistics of a matrix's inputs as they are after scaling.</summary>
    public InputStatistics? Of(GraphMatrix matrix, InputStatistics? statistics) =>
        statistics is not null && _factors.GetValueOrDefault(matrix.Name) is { } factors
            ? statistics.DividedBy(factors) : statistics;

    private static bool Scales(PlannedMatrix planned) =>
        planned.Format.Method is { } method && QuantizationMethods.Find(method).ScalesInputs;

    private void Apply(ScaleFold fold, float[] factors, GraphTensors tensors)
    {
        foreach (var target in fold.Targets)
        {
            var multipliers = target.Multipliers(factors);
            tensors.Edit(target.Constant, new ConstantFactors(multipliers, target.IsRows));
            if (!target.Divides)
            {
                _factors.Add(target.Constant, multipliers);
            }
        }
    }

    // The best factors; null where inputs are best left alone.
    private static float[]? Search(
        ScaleFold fold, PlannedMatrix[] matrices, Func<GraphMatrix, InputStatistics?> statistics,
        GraphTensors tensors, CancellationToken cancellationToken)
    {
        if (statistics(matrices[0].Matrix) is not { Mean: > 0 } inputs || inputs.Moments.Length != fold.Factors.Length)
        {
            return null;
        }

        var sizes = Sizes(fold, inputs);
        MatrixSample[] samples = [.. matrices.Select(planned => MatrixSample.Read(planned, MaxRows, tensors))];
        float[]? best = null;
        var least = samples.Sum(sample => sample.Error(inputs, null, cancellationToken));
        for (var power = 1; power <= Powers; power++)
        {
            var factors = Factors(sizes, (float)power / Powers);
            var columns = Array.ConvertAll(fold.Factors, index => factors[index]);
            var error = samples.Sum(sample => sample.Error(inputs, columns, cancellationToken));
            if (error < least)
            {
                (best, least) = (factors, error);
            }
        }

        return best;
    }

    // The logarithm of each factor's inputs' root mean square, less their mean.
    private static float[] Sizes(ScaleFold fold, InputStatistics inputs)
    {
        var sizes = new float[fold.Count];
        var counts = new int[fold.Count];
        for (var channel = 0; channel < fold.Factors.Length; channel++)
        {
            sizes[fold.Factors[channel]] += inputs.Moments[channel];
            counts[fold.Factors[channel]]++;
        }

        var floor = inputs.Mean / (MaxFactor * MaxFactor);
        for (var index = 0; index < sizes.Length; index++)
        {
            sizes[index] = MathF.Log(Math.Max(sizes[index] / counts[index], floor)) / 2;
        }

        TensorPrimitives.Subtract(sizes, TensorPrimitives.Average(sizes), sizes);
        return sizes;
    }

    private static float[] Factors(float[] sizes, float power) => Array.ConvertAll(
        sizes, size => Math.Clamp(MathF.Exp(size * power), 1 / MaxFactor, MaxFactor));
}
