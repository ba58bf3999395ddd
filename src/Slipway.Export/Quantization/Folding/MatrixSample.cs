using System.Numerics.Tensors;
using Slipway.Export.Quantization.Graphs;

namespace Slipway.Export.Quantization.Folding;

/// <summary>Some rows of a matrix, to tell what outputs lose by quantizing it in one way or another.</summary>
/// <param name="planned">The matrix.</param>
/// <param name="weights">The rows, [rows, columns].</param>
/// <param name="rows">Their number.</param>
internal sealed class MatrixSample(PlannedMatrix planned, float[] weights, int rows)
{
    private readonly QuantizationMethod _method = QuantizationMethods.Find(planned.Format.Method!) switch
    {
        Awq scaling => scaling.Trial,
        var other => other,
    };

    /// <summary>Reads rows, evenly from a part of the matrix.</summary>
    /// <param name="planned">The matrix.</param>
    /// <param name="maxRows">The most rows.</param>
    /// <param name="part">The part's index.</param>
    /// <param name="parts">Parts of all rows, such as experts.</param>
    /// <param name="tensors">The elements.</param>
    public static MatrixSample Read(PlannedMatrix planned, int maxRows, int part, int parts, GraphTensors tensors)
    {
        var matrix = planned.Matrix;
        var all = matrix.Rows / parts;
        var rows = Math.Min(all, maxRows);
        var weights = new float[rows * matrix.Columns];
        var weight = matrix.Open(tensors);
        for (var row = 0; row < rows; row++)
        {
            weight.ReadRows(
                (part * all) + (int)((long)row * all / rows), 1, weights.AsSpan(row * matrix.Columns, matrix.Columns));
        }

        return new MatrixSample(planned, weights, rows);
    }

    /// <summary>Computes the squared error of all outputs, on average over inputs.</summary>
    /// <param name="inputs">Statistics of the inputs.</param>
    /// <param name="factors">Factors that columns are multiplied by, and inputs divided; null for none.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public double Error(InputStatistics inputs, float[]? factors, CancellationToken cancellationToken)
    {
        var columns = inputs.Moments.Length;
        BlockLayout layout = new(columns, planned.Format.BitsOf()!.Value, planned.Format.BlockSize!.Value);
        var (statistics, scaled) = (inputs, weights);
        if (factors is not null)
        {
            statistics = inputs.DividedBy(factors);
            scaled = new float[weights.Length];
            for (var row = 0; row < rows; row++)
            {
                TensorPrimitives.Multiply(
                    weights.AsSpan(row * columns, columns), factors, scaled.AsSpan(row * columns, columns));
            }
        }

        var quantized = WeightQuantizer.Quantize(
            scaled, rows, layout, _method.Prepare(layout, statistics), _method.HasMinima, cancellationToken);
        var errors = new double[rows];
        Parallel.For(0, rows, row =>
        {
            var difference = new float[columns];
            quantized.Dequantize(row, difference);
            TensorPrimitives.Subtract(difference, scaled.AsSpan(row * columns, columns), difference);
            if (factors is not null)
            {
                TensorPrimitives.Divide(difference, factors, difference);
            }

            errors[row] = OutputError.Of(difference, inputs);
        });
        return errors.Sum();
    }
}
