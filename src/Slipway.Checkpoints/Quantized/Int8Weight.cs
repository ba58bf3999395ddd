namespace Slipway.Checkpoints.Quantized;

// Signed integers of 8 bits, [..., rows, columns], with scales in blocks of a row and, where they are not symmetric,
// zero points as the scales.
internal sealed class Int8Weight : GroupedWeight
{
    private const byte Middle = 128;

    private readonly QuantizedParts _parts;
    private readonly ScaleGrid _scales;
    private readonly TensorInfo? _zeros;

    public Int8Weight(
        QuantizedParts parts, TensorInfo codes, ScaleGrid scales, string? zeroPoints = null, string? groups = null)
        : base(new TensorInfo(codes.Name, TensorType.F32, codes.Shape), Describe(parts, codes, scales, groups))
    {
        _parts = parts;
        _scales = scales;
        parts.Take(codes.Name, TensorType.I8);
        _zeros = zeroPoints is null ? null : parts.TakeIfThere(zeroPoints, TensorType.I8);
        if (_zeros is not null && _zeros.Count != 1 && _zeros.Count != (long)Grid.Rows * Grid.GroupCount)
        {
            throw parts.Bad(_zeros, $"a zero point for each of {Grid.GroupCount} groups of {Grid.Rows} rows");
        }
    }

    public override void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        _parts.Checkpoint.ReadBytes(Info.Name, firstRow * Columns, codes);
        foreach (ref var code in codes)
        {
            code ^= Middle;
        }

        _scales.Read(firstRow, codes.Length / Columns, scales);
        if (_zeros is null)
        {
            zeroPoints.Fill(Middle);
        }
        else
        {
            SignedZeroPoints.Read(_parts, _zeros, firstRow * Grid.GroupCount, Middle, zeroPoints);
        }
    }

    private static QuantizedTensorInfo Describe(
        QuantizedParts parts, TensorInfo codes, ScaleGrid scales, string? groups)
    {
        var (rows, columns) = parts.Sizes(codes, codes.Count / Math.Max(codes.Shape[^1], 1), codes.Shape[^1]);
        return new QuantizedTensorInfo(
            codes.Name, 8, scales.BlockColumns, rows, columns,
            groups is null ? null : parts.Groups(groups, columns, scales.BlockColumns));
    }
}

// Zero points that are stored signed, one a byte, or one for all; they are counted from the least code on.
internal static class SignedZeroPoints
{
    public static void Read(QuantizedParts parts, TensorInfo tensor, long start, byte middle, Span<byte> destination)
    {
        var isOne = tensor.Count == 1;
        var stored = isOne ? destination[..1] : destination;
        parts.Checkpoint.ReadBytes(tensor.Name, isOne ? 0 : start, stored);
        foreach (ref var zero in stored)
        {
            zero = (byte)(zero + middle);
        }

        if (isOne)
        {
            destination.Fill(destination[0]);
        }
    }
}
