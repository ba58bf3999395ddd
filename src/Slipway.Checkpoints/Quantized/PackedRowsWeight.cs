using System.Buffers;
using System.Runtime.InteropServices;

namespace Slipway.Checkpoints.Quantized;

// Integers in 32-bit numbers, row after row: 'weight_packed' [rows, numbers]. Zero points are packed along the rows,
// [numbers, groups], or stand one a byte, signed. Codes count from the least value on.
internal sealed class PackedRowsWeight : GroupedWeight
{
    private readonly QuantizedParts _parts;
    private readonly TensorInfo _codes;
    private readonly ScaleGrid _scales;
    private readonly TensorInfo? _zeros;
    private readonly PackedCodes _packing;

    public PackedRowsWeight(
        QuantizedParts parts, string root, TensorInfo codes, long[] shape, int bits, (int Rows, int Columns)? block)
        : this(parts, root, codes, shape, bits, new ScaleGrid(
            parts, parts.Take(root + ".weight_scale", TensorType.F32, TensorType.BF16, TensorType.F16), shape, block))
    {
    }

    private PackedRowsWeight(
        QuantizedParts parts, string root, TensorInfo codes, long[] shape, int bits, ScaleGrid scales)
        : base(
            new TensorInfo(root + ".weight", TensorType.F32, shape), Describe(parts, root, codes, shape, bits, scales))
    {
        _parts = parts;
        _codes = codes;
        _scales = scales;

        // Old versions leave what remains of a number empty.
        _packing = new PackedCodes(bits);
        _packing = _packing.Numbers(shape[^1]) == codes.Shape[^1] ? _packing : new PackedCodes(bits, LeavesGaps: true);
        if (_packing.Numbers(shape[^1]) != codes.Shape[^1])
        {
            throw parts.Bad(
                codes, $"numbers for {shape[^1]} codes of {bits} bits, as 'weight_shape' and the configuration state");
        }

        _zeros = parts.TakeIfThere(root + ".weight_zero_point", TensorType.I32, TensorType.I8);
        if (_zeros is { Type: TensorType.I32 })
        {
            parts.RequireShape(_zeros, _packing.Numbers(Grid.Rows), Grid.GroupCount);
        }
        else if (_zeros is not null && _zeros.Count != 1
            && _zeros.Count != (long)Grid.Rows * Grid.GroupCount)
        {
            throw parts.Bad(_zeros, $"a zero point for each of {Grid.GroupCount} groups of {Grid.Rows} rows");
        }
    }

    public override void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        var (rows, lineNumbers) = (codes.Length / Columns, (int)_codes.Shape[^1]);
        var buffer = ArrayPool<uint>.Shared.Rent(rows * lineNumbers);
        try
        {
            var numbers = buffer.AsSpan(0, rows * lineNumbers);
            _parts.Checkpoint.ReadBytes(
                _codes.Name, firstRow * lineNumbers * sizeof(uint), MemoryMarshal.AsBytes(numbers));
            for (var row = 0; row < rows; row++)
            {
                _packing.Read(
                    numbers.Slice(row * lineNumbers, lineNumbers), stride: 1, codes.Slice(row * Columns, Columns));
            }
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(buffer);
        }

        _scales.Read(firstRow, rows, scales);
        ReadZeroPoints(firstRow, rows, zeroPoints);
    }

    private void ReadZeroPoints(long firstRow, int rows, Span<byte> zeroPoints)
    {
        var (groups, middle) = (Grid.GroupCount, (byte)(1 << (Grid.Bits - 1)));
        if (_zeros is null)
        {
            zeroPoints.Fill(middle);
            return;
        }

        if (_zeros.Type == TensorType.I8)
        {
            SignedZeroPoints.Read(_parts, _zeros, firstRow * groups, middle, zeroPoints);
            return;
        }

        var first = _packing.NumberOf(firstRow);
        var numbers = new uint[(_packing.Numbers(firstRow + rows) - first) * groups];
        _parts.Checkpoint.ReadBytes(
            _zeros.Name, first * groups * sizeof(uint), MemoryMarshal.AsBytes(numbers.AsSpan()));
        for (var row = 0; row < rows; row++)
        {
            for (var group = 0; group < groups; group++)
            {
                zeroPoints[(row * groups) + group] =
                    _packing.Read(numbers.AsSpan(group), first, firstRow + row, groups);
            }
        }
    }

    private static QuantizedTensorInfo Describe(
        QuantizedParts parts, string root, TensorInfo codes, long[] shape, int bits, ScaleGrid scales)
    {
        var (rows, columns) = parts.Sizes(
            codes, shape.SkipLast(1).Aggregate(1L, (product, size) => product * size), shape[^1]);
        return new QuantizedTensorInfo(
            root + ".weight", bits, scales.BlockColumns, rows, columns,
            parts.Groups(root + ".weight_g_idx", columns, scales.BlockColumns));
    }
}
