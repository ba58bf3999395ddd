namespace Slipway.Checkpoints.Quantized;

// 4-bit floats (E2M1), two in a byte, the first one lower: [..., rows, columns / 2]. Blocks of a row share a scale: 16
// in NVFP4, 32 in MXFP4. Their values are halves of whole numbers from -12 to 12, so that they lie on a grid of 5 bits.
// Source: OCP Microscaling Formats (MX) Specification 1.0; NVFP4 adds one scale for the tensor.
internal sealed class FourBitFloatWeight : GroupedWeight
{
    private const int Bits = 5;
    private const byte Middle = 12;

    // Twice each value, plus the middle. One bit sign, two bits exponent, one bit mantissa.
    private static readonly byte[] Grids = [12, 13, 14, 15, 16, 18, 20, 24, 12, 11, 10, 9, 8, 6, 4, 0];

    private readonly QuantizedParts _parts;
    private readonly TensorInfo _codes;
    private readonly ScaleGrid _scales;

    private FourBitFloatWeight(
        QuantizedParts parts, TensorInfo info, QuantizedTensorInfo grid, TensorInfo codes, ScaleGrid scales)
        : base(info, grid)
    {
        _parts = parts;
        _codes = codes;
        _scales = scales;
    }

    // The factor multiplies every scale.
    public static FourBitFloatWeight Create(
        QuantizedParts parts, string name, TensorInfo codes, TensorInfo scales, double factor)
    {
        if (codes.Shape.Count < 2)
        {
            throw parts.Bad(codes, "two dimensions");
        }

        long[] shape = [.. codes.Shape.SkipLast(1), codes.Shape[^1] * 2];
        var (rows, columns) = parts.Sizes(codes, codes.Count / Math.Max(codes.Shape[^1], 1), shape[^1]);
        ScaleGrid grid = new(parts, scales, shape, block: null, factor / 2);
        return new FourBitFloatWeight(
            parts, new TensorInfo(name, TensorType.F32, shape),
            new QuantizedTensorInfo(name, Bits, grid.BlockColumns, rows, columns, Groups: null), codes, grid);
    }

    public override void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        // The pairs lie in the upper half of where their codes go.
        var pairs = codes[(codes.Length / 2)..];
        _parts.Checkpoint.ReadBytes(_codes.Name, firstRow * (Columns / 2), pairs);
        for (var i = 0; i < pairs.Length; i++)
        {
            var pair = pairs[i];
            codes[2 * i] = Grids[pair & 15];
            codes[(2 * i) + 1] = Grids[pair >> 4];
        }

        _scales.Read(firstRow, codes.Length / Columns, scales);
        zeroPoints.Fill(Middle);
    }
}
