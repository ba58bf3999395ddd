using System.Numerics.Tensors;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Tries ways to store a matrix on some of its rows.</summary>
internal sealed class MatrixTrial
{
    // Rows that are tried, evenly from all.
    private const int MaxRows = 32;

    private readonly float[] _weights;
    private readonly int _rows;
    private readonly int _columns;
    private readonly int _blockSize;
    private readonly InputStatistics? _statistics;

    /// <param name="matrix">The matrix.</param>
    /// <param name="blockSize">Columns that share a scale.</param>
    /// <param name="statistics">Statistics of its inputs; null where all count alike.</param>
    /// <param name="tensors">Its elements.</param>
    public MatrixTrial(GraphMatrix matrix, int blockSize, InputStatistics? statistics, GraphTensors tensors)
    {
        (_blockSize, _statistics, _columns) = (blockSize, statistics, matrix.Columns);
        _rows = Math.Min(matrix.Rows, MaxRows);
        _weights = new float[_rows * _columns];
        var weight = matrix.Open(tensors);
        for (var row = 0; row < _rows; row++)
        {
            weight.ReadRows(
                (int)((long)row * matrix.Rows / _rows), 1, _weights.AsSpan(row * _columns, _columns));
        }
    }

    /// <summary>The mean square by which outputs are wrong, summed over the rows.</summary>
    /// <param name="method">How codes are chosen.</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public double Error(QuantizationMethod method, int bits, CancellationToken cancellationToken)
    {
        BlockLayout layout = new(_columns, bits, _blockSize);
        var quantized = WeightQuantizer.Quantize(
            _weights, _rows, layout, method.Prepare(layout, _statistics), method.HasMinima, cancellationToken);
        var errors = new double[_rows];
        Parallel.For(0, _rows, row =>
        {
            var difference = new float[_columns];
            quantized.Dequantize(row, difference);
            TensorPrimitives.Subtract(difference, _weights.AsSpan(row * _columns, _columns), difference);
            errors[row] = OutputError.Of(difference, _statistics);
        });
        return errors.Sum();
    }
}
