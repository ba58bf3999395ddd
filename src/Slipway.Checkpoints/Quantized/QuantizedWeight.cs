using System.Buffers;

namespace Slipway.Checkpoints.Quantized;

// A weight that is stored as codes, [rows, columns] once its leading dimensions are taken together; rows are computed
// when they are read.
internal abstract class QuantizedWeight(TensorInfo info)
{
    // The weight under its plain name, as float32.
    public TensorInfo Info { get; } = info;

    public int Columns => (int)Info.Shape[^1];

    // How the codes are grouped; null where they cannot be kept as they are.
    public virtual QuantizedTensorInfo? Grid => null;

    // Computes whole rows.
    public abstract void ReadRows(long firstRow, int rows, Span<float> destination);
}

// A weight whose codes can be kept.
internal interface ICodes
{
    // Reads whole rows: codes [rows, columns], scales and zero points [rows, groups].
    void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints);
}

// A weight whose element is (code - zero point) * scale, with one scale and zero point for each group of a row.
internal abstract class GroupedWeight(TensorInfo info, QuantizedTensorInfo grid) : QuantizedWeight(info), ICodes
{
    public override QuantizedTensorInfo Grid { get; } = grid;

    public abstract void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints);

    public override void ReadRows(long firstRow, int rows, Span<float> destination)
    {
        int columns = Columns, groups = Grid.GroupCount;
        var codes = ArrayPool<byte>.Shared.Rent(rows * columns);
        var zeros = ArrayPool<byte>.Shared.Rent(rows * groups);
        var scales = ArrayPool<float>.Shared.Rent(rows * groups);
        try
        {
            ReadCodes(
                firstRow, codes.AsSpan(0, rows * columns), scales.AsSpan(0, rows * groups),
                zeros.AsSpan(0, rows * groups));
            for (var row = 0; row < rows; row++)
            {
                Scale(
                    codes.AsSpan(row * columns, columns), scales.AsSpan(row * groups, groups),
                    zeros.AsSpan(row * groups, groups), destination.Slice(row * columns, columns));
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<byte>.Shared.Return(zeros);
            ArrayPool<float>.Shared.Return(scales);
        }
    }

    private void Scale(
        ReadOnlySpan<byte> codes, ReadOnlySpan<float> scales, ReadOnlySpan<byte> zeros, Span<float> destination)
    {
        if (Grid.Groups is { } index)
        {
            for (var column = 0; column < codes.Length; column++)
            {
                var group = index[column];
                destination[column] = (codes[column] - zeros[group]) * scales[group];
            }

            return;
        }

        for (var group = 0; group < scales.Length; group++)
        {
            var (scale, zero, start) = (scales[group], zeros[group], group * Grid.GroupSize);
            var end = Math.Min(start + Grid.GroupSize, codes.Length);
            for (var column = start; column < end; column++)
            {
                destination[column] = (codes[column] - zero) * scale;
            }
        }
    }
}

// A weight whose columns are multiplied once more, by what its library took out of the inputs.
internal sealed class ColumnScaledWeight(QuantizedWeight plain, float[] factors) : QuantizedWeight(plain.Info)
{
    public override void ReadRows(long firstRow, int rows, Span<float> destination)
    {
        plain.ReadRows(firstRow, rows, destination);
        for (var row = 0; row < rows; row++)
        {
            var values = destination.Slice(row * Columns, Columns);
            for (var column = 0; column < values.Length; column++)
            {
                values[column] *= factors[column];
            }
        }
    }
}
