using System.Buffers;

namespace Slipway.Checkpoints.Quantized;

// The scales of a weight [..., rows, columns], one for each block of rows and columns: for all of it, for each row, for
// groups of a row, or for blocks in both directions.
internal sealed class ScaleGrid
{
    private readonly QuantizedParts _parts;
    private readonly TensorInfo _scales;
    private readonly long _matrixRows;
    private readonly long _blockRows;
    private readonly long _scaleRows;
    private readonly double _factor;

    // The factor multiplies every scale.
    public ScaleGrid(
        QuantizedParts parts, TensorInfo scales, IReadOnlyList<long> shape, (int Rows, int Columns)? block,
        double factor = 1)
    {
        _parts = parts;
        _scales = scales;
        _factor = factor;
        _matrixRows = shape[^2];
        (_scaleRows, Count) = Resolve(shape);
        _blockRows = Extent(shape[^2], _scaleRows, block?.Rows) ?? throw Unfit();
        BlockColumns = (int)(Extent(shape[^1], Count, block?.Columns) ?? throw Unfit());

        CheckpointException Unfit() => parts.Bad(
            scales, (block is var (rows, columns)
                ? $"one scale for each block of {rows} rows and {columns} columns"
                : "one scale, or one for each row, group or block") +
            $" of a weight of the shape {TensorInfo.FormatShape(shape)}");
    }

    // Scales of a row.
    public int Count { get; }

    // Columns that share a scale; the last block may have fewer.
    public int BlockColumns { get; }

    public string Name => _scales.Name;

    // Reads the scales of rows, [rows, Count].
    public void Read(long firstRow, int rows, Span<float> destination)
    {
        var first = ScaleRow(firstRow);
        var count = (int)(ScaleRow(firstRow + rows - 1) - first + 1);
        var buffer = ArrayPool<float>.Shared.Rent(count * Count);
        try
        {
            var stored = buffer.AsSpan(0, count * Count);
            ReadStored(first * Count, stored);
            for (var row = 0; row < rows; row++)
            {
                var at = (int)(ScaleRow(firstRow + row) - first) * Count;
                stored.Slice(at, Count).CopyTo(destination[(row * Count)..]);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }

    private long ScaleRow(long row)
    {
        var (matrix, inside) = Math.DivRem(row, _matrixRows);
        return IsShared ? 0 : (matrix * _scaleRows) + (inside / _blockRows);
    }

    // One scale for all matrices of a stack.
    private bool IsShared => _scales.Count == 1;

    private void ReadStored(long start, Span<float> destination)
    {
        var checkpoint = _parts.Checkpoint;
        checkpoint.ReadFloats(_scales.Name, start, destination);
        if (_scales.Type == TensorType.U8)
        {
            // Exponents of two, plus 127, that are stored without their type (F8_E8M0).
            foreach (ref var value in destination)
            {
                TensorType.F8_E8M0.Decode([(byte)value], new Span<float>(ref value));
            }
        }

        _parts.RequireFinite(_scales, destination);
        if (_factor != 1)
        {
            foreach (ref var value in destination)
            {
                value = (float)(value * _factor);
            }

            _parts.RequireFinite(_scales, destination);
        }
    }

    // Rows and columns of scales for each matrix. The sizes of 1 that broadcasting needs are left out of what is
    // compared, and one dimension alone is that of rows.
    private (long Rows, int Columns) Resolve(IReadOnlyList<long> shape)
    {
        var matrices = shape.Take(shape.Count - 2).Aggregate(1L, (product, size) => product * size);
        if (_scales.Count == 1)
        {
            return (1, 1);
        }

        List<long> sizes = [.. _scales.Shape];
        for (var i = 0; sizes.Count > shape.Count && i < sizes.Count;)
        {
            if (sizes[i] == 1)
            {
                sizes.RemoveAt(i);
            }
            else
            {
                i++;
            }
        }

        if (sizes.Count == shape.Count - 1 && (sizes.Count == 1 || sizes[^1] == shape[^2]))
        {
            sizes.Add(1);
        }
        else if (sizes.Count == shape.Count - 2)
        {
            sizes.AddRange([1, 1]);
        }

        var fits = sizes.Count == shape.Count && sizes[^1] is >= 1 and <= int.MaxValue
            && sizes.SkipLast(2).Aggregate(1L, (product, size) => product * size) == matrices;
        return fits ? (sizes[^2], (int)sizes[^1]) : (0, 0);
    }

    // How many rows or columns share a scale; null where the numbers do not fit.
    private static long? Extent(long size, long scales, int? block) =>
        scales < 1 || scales > size ? null
        : scales == 1 ? size
        : scales == size ? 1
        : block is { } given ? ((size + given - 1) / given == scales ? given : null)
        : size % scales == 0 ? size / scales
        : null;
}
