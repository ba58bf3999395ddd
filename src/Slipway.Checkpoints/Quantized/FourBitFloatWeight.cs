using System.Buffers;

namespace Slipway.Checkpoints.Quantized;

// 4-bit floats (E2M1), two in a byte, the first one lower: [..., rows, columns / 2]. Blocks of a row share a scale: 16
// in NVFP4, 32 in MXFP4. Source: OCP Microscaling Formats (MX) Specification 1.0; NVFP4 adds one scale for the tensor.
internal sealed class FourBitFloatWeight : QuantizedWeight
{
    // One bit sign, two bits exponent, one bit mantissa.
    private static readonly float[] Values = [0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6];

    private readonly QuantizedParts _parts;
    private readonly TensorInfo _codes;
    private readonly ScaleGrid _scales;

    private FourBitFloatWeight(QuantizedParts parts, TensorInfo info, TensorInfo codes, ScaleGrid scales)
        : base(info)
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
        parts.Sizes(codes, codes.Count / Math.Max(codes.Shape[^1], 1), shape[^1]);
        return new FourBitFloatWeight(
            parts, new TensorInfo(name, TensorType.F32, shape), codes,
            new ScaleGrid(parts, scales, shape, block: null, factor));
    }

    public override void ReadRows(long firstRow, int rows, Span<float> destination)
    {
        var (rowBytes, rowScales) = (Columns / 2, _scales.Count);
        var codes = ArrayPool<byte>.Shared.Rent(rows * rowBytes);
        var scales = ArrayPool<float>.Shared.Rent(rows * rowScales);
        try
        {
            _parts.Checkpoint.ReadBytes(_codes.Name, firstRow * rowBytes, codes.AsSpan(0, rows * rowBytes));
            _scales.Read(firstRow, rows, scales.AsSpan(0, rows * rowScales));
            for (var row = 0; row < rows; row++)
            {
                for (var column = 0; column < Columns; column++)
                {
                    var pair = codes[(row * rowBytes) + (column / 2)];
                    destination[(row * Columns) + column] = Values[(pair >> (4 * (column & 1))) & 15]
                        * scales[(row * rowScales) + (column / _scales.BlockColumns)];
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<float>.Shared.Return(scales);
        }
    }
}
