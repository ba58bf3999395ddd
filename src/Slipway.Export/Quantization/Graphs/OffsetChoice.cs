using System.Numerics.Tensors;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Chooses, by what a matrix's outputs lose, whether its blocks have zero points or minima.</summary>
/// <remarks>
/// A quarter of the squared error is what a bit more is worth: each halves the step. Minima take more bits than zero
/// points, so a matrix has them where they leave less of the error than as many bits would.
/// </remarks>
internal static class OffsetChoice
{
    // Rows that are tried, evenly from all.
    private const int MaxRows = 32;

    // Bits of a minimum; of a zero point there are as many as of a code.
    private const double MinimumBits = 16;

    /// <summary>Chooses for a matrix whose method nobody has named.</summary>
    /// <param name="planned">The matrix.</param>
    /// <param name="statistics">Statistics of its inputs; null where all count alike.</param>
    /// <param name="tensors">Its elements.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static PlannedMatrix Choose(
        PlannedMatrix planned, InputStatistics? statistics, GraphTensors tensors, CancellationToken cancellationToken)
    {
        var matrix = planned.Matrix;
        if (!planned.IsFree || planned.Format.BitsOf() is not { } bits || matrix.Mixture is not null
            || planned.Format.BlockSize is not { } blockSize || matrix.Columns % blockSize != 0)
        {
            return planned;
        }

        var rows = Math.Min(matrix.Rows, MaxRows);
        var weights = new float[rows * matrix.Columns];
        var weight = matrix.Open(tensors);
        for (var row = 0; row < rows; row++)
        {
            weight.ReadRows(
                (int)((long)row * matrix.Rows / rows), 1, weights.AsSpan(row * matrix.Columns, matrix.Columns));
        }

        var (minima, zeroPoints) = (Error(QuantizationMethods.WithMinima), Error(QuantizationMethods.Calibrated));
        var worth = Math.Pow(4, -(MinimumBits - bits) / blockSize);
        return minima < zeroPoints * worth
            ? planned with { Format = planned.Format with { Method = QuantizationMethods.WithMinima.Name } } : planned;

        double Error(QuantizationMethod method)
        {
            BlockLayout layout = new(matrix.Columns, bits, blockSize);
            var quantized = WeightQuantizer.Quantize(
                weights, rows, layout, method.Prepare(layout, statistics), method.HasMinima, cancellationToken);
            var errors = new double[rows];
            Parallel.For(0, rows, row =>
            {
                var difference = new float[matrix.Columns];
                quantized.Dequantize(row, difference);
                TensorPrimitives.Subtract(
                    difference, weights.AsSpan(row * matrix.Columns, matrix.Columns), difference);
                errors[row] = OutputError(difference, statistics);
            });
            return errors.Sum();
        }
    }

    // dᵀ·H·d for the difference d of weights.
    private static double OutputError(ReadOnlySpan<float> difference, InputStatistics? statistics)
    {
        if (statistics?.Products is not { } products)
        {
            return TensorPrimitives.SumOfSquares(difference);
        }

        var error = 0.0;
        for (var column = 0; column < difference.Length; column++)
        {
            error += difference[column] * (double)TensorPrimitives.Dot(
                products.AsSpan(column * difference.Length, difference.Length), difference);
        }

        return error;
    }
}
