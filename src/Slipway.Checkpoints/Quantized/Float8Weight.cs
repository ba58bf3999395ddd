using System.Buffers;

namespace Slipway.Checkpoints.Quantized;

// 8-bit floats, [..., rows, columns], which scales multiply in blocks of rows and columns.
internal sealed class Float8Weight : QuantizedWeight
{
    private readonly QuantizedParts _parts;
    private readonly ScaleGrid _scales;

    public Float8Weight(QuantizedParts parts, TensorInfo codes, ScaleGrid scales)
        : base(new TensorInfo(codes.Name, TensorType.F32, codes.Shape))
    {
        _parts = parts;
        _scales = scales;
        parts.Take(codes.Name, TensorType.F8_E4M3, TensorType.F8_E5M2);
        parts.Sizes(codes, codes.Count / Math.Max(codes.Shape[^1], 1), codes.Shape[^1]);
    }

    public override void ReadRows(long firstRow, int rows, Span<float> destination)
    {
        _parts.Checkpoint.ReadFloats(Info.Name, firstRow * Columns, destination[..(rows * Columns)]);
        var buffer = ArrayPool<float>.Shared.Rent(rows * _scales.Count);
        try
        {
            var scales = buffer.AsSpan(0, rows * _scales.Count);
            _scales.Read(firstRow, rows, scales);
            for (var row = 0; row < rows; row++)
            {
                var values = destination.Slice(row * Columns, Columns);
                for (var block = 0; block < _scales.Count; block++)
                {
                    var scale = scales[(row * _scales.Count) + block];
                    var part = values[(block * _scales.BlockColumns)..];
                    foreach (ref var value in part[..Math.Min(_scales.BlockColumns, part.Length)])
                    {
                        value *= scale;
                    }
                }
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(buffer);
        }
    }
}
