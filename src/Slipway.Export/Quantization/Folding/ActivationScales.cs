using System.Numerics.Tensors;
using Slipway.Export.Quantization.Graphs;

namespace Slipway.Export.Quantization.Folding;

/// <summary>Chooses the factors of inputs for methods that scale them, and has the constants take them up.</summary>
/// <remarks>
/// Each power of the inputs' sizes is tried on some rows of the matrices that multiply them: their outputs' error is
/// (Q(W·diag(s))·diag(s)⁻¹ − W)·x, squared and summed over the calibration text.
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
        Func<GraphMatrix, MatrixInputs> statistics, GraphTensors tensors, CancellationToken cancellationToken)
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
    public MatrixInputs Of(GraphMatrix matrix, MatrixInputs inputs) =>
        _factors.TryGetValue(matrix.Name, out var factors) ? inputs.DividedBy(factors) : inputs;

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
        ScaleFold fold, PlannedMatrix[] matrices, Func<GraphMatrix, MatrixInputs> statistics,
        GraphTensors tensors, CancellationToken cancellationToken)
    {
        var inputs = statistics(matrices[0].Matrix);
        var columns = matrices[0].Matrix.Columns;
        var isEach = fold.Factors.Length > columns;
        var each = isEach ? inputs.Experts ?? [] : [inputs.All];
        var factors = new float[fold.Count];
        Array.Fill(factors, 1);
        var found = false;
        for (var part = 0; part < each.Count; part++)
        {
            if (each[part] is { Mean: > 0 } own)
            {
                found |= Search(
                    fold.Factors.AsSpan(part * columns, columns), own,
                    [.. matrices.Select(planned => MatrixSample.Read(
                        planned, MaxRows, part, isEach ? each.Count : 1, tensors))],
                    factors, cancellationToken);
            }
        }

        return found ? factors : null;
    }

    private static bool Search(
        ReadOnlySpan<int> indices, InputStatistics inputs, MatrixSample[] samples, float[] factors,
        CancellationToken cancellationToken)
    {
        var sizes = Sizes(indices, factors.Length, inputs);
        var columns = new float[indices.Length];
        var (best, least) = (0, samples.Sum(sample => sample.Error(inputs, null, cancellationToken)));
        for (var power = 1; power <= Powers; power++)
        {
            for (var column = 0; column < columns.Length; column++)
            {
                columns[column] = Factor(sizes[indices[column]], power);
            }

            var error = samples.Sum(sample => sample.Error(inputs, columns, cancellationToken));
            if (error < least)
            {
                (best, least) = (power, error);
            }
        }

        foreach (var index in indices)
        {
            factors[index] = Factor(sizes[index], best);
        }

        return best > 0;
    }

    // The logarithm of the root mean square of each factor's inputs, less the mean of all.
    private static float[] Sizes(ReadOnlySpan<int> indices, int count, InputStatistics inputs)
    {
        var sizes = new float[count];
        var counts = new int[count];
        for (var channel = 0; channel < indices.Length; channel++)
        {
            sizes[indices[channel]] += inputs.Moments[channel];
            counts[indices[channel]]++;
        }

        var (floor, sum, used) = (inputs.Mean / (MaxFactor * MaxFactor), 0f, 0);
        for (var index = 0; index < sizes.Length; index++)
        {
            if (counts[index] > 0)
            {
                sizes[index] = MathF.Log(Math.Max(sizes[index] / counts[index], floor)) / 2;
                sum += sizes[index];
                used++;
            }
        }

        TensorPrimitives.Subtract(sizes, sum / used, sizes);
        return sizes;
    }

    private static float Factor(float size, int power) =>
        Math.Clamp(MathF.Exp(size * power / Powers), 1 / MaxFactor, MaxFactor);
}
