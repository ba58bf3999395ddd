using Slipway.Training.Autograd;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Holds the quantized values of a matrix, each less its block's zero point.</summary>
/// <remarks>A weight is value · scale of its block. The tensor belongs to this.</remarks>
/// <param name="values">int8, or int16 for values of 8 bits, [rows, blocks · block size].</param>
/// <param name="columns">Columns; what pads the last block is not part of them.</param>
/// <param name="blockSize">Consecutive columns that share a scale.</param>
internal sealed class QuantizedWeight(Tensor values, int columns, int blockSize) : IDisposable
{
    public Tensor Values { get; } = values;

    public int Columns => columns;

    public int BlockSize => blockSize;

    public long Rows => Values.shape[0];

    public long Blocks => Values.shape[1] / blockSize;

    /// <summary>Unpacks a matrix as MatMulNBits holds it.</summary>
    /// <param name="codes">uint8 [rows, blocks, block size · bits / 8], or the same bytes in another shape.</param>
    /// <param name="zeroPoints">uint8 [rows, blocks · bits / 8 rounded up]; null for the middle code.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="bits">2, 4 or 8.</param>
    /// <param name="blockSize">Consecutive columns that share a scale.</param>
    public static unsafe QuantizedWeight Unpack(
        Tensor codes, Tensor? zeroPoints, int rows, int columns, int bits, int blockSize)
    {
        int blocks = (columns + blockSize - 1) / blockSize, width = blocks * blockSize, perByte = 8 / bits;
        int codeBytes = width / perByte, zeroBytes = (blocks + perByte - 1) / perByte, mask = (1 << bits) - 1;

        // Differences of 8-bit values need a ninth bit.
        var values = empty([rows, width], bits == 8 ? ScalarType.Int16 : ScalarType.Int8).DetachFromDisposeScope();
        var target = FusedRows.Pointer(values);
        var source = FusedRows.Pointer(codes);
        var zeros = zeroPoints is null ? null : FusedRows.Pointer(zeroPoints);
        Parallel.For(0, rows, row =>
        {
            for (var column = 0; column < width; column++)
            {
                var block = column / blockSize;
                var zero = zeros is null ? 1 << (bits - 1) : Code(zeros + ((long)row * zeroBytes), block);
                var (value, at) = (Code(source + ((long)row * codeBytes), column) - zero, ((long)row * width) + column);
                if (bits == 8)
                {
                    ((short*)target)[at] = (short)value;
                }
                else
                {
                    ((sbyte*)target)[at] = (sbyte)value;
                }
            }

            int Code(byte* packed, int index) => (packed[index / perByte] >> (bits * (index % perByte))) & mask;
        });
        return new QuantizedWeight(values, columns, blockSize);
    }

    /// <summary>Computes the weights, float32 [rows, columns].</summary>
    /// <param name="scales">float32 [rows, blocks].</param>
    public Tensor Dequantize(Tensor scales) => Columns == Values.shape[1]
        ? Scaled(Values, scales) : Scaled(Values, scales).narrow(1, 0, columns);

    /// <summary>Computes the weights of some rows, float32 [indices, columns].</summary>
    /// <param name="scales">float32 [rows, blocks].</param>
    /// <param name="indices">int64 [indices].</param>
    public Tensor Select(Tensor scales, Tensor indices)
    {
        var rows = Scaled(Values.index_select(0, indices), scales.index_select(0, indices));
        return Columns == Values.shape[1] ? rows : rows.narrow(1, 0, columns);
    }

    public void Dispose() => Values.Dispose();

    private Tensor Scaled(Tensor values, Tensor scales) =>
        values.to(ScalarType.Float32).view(values.shape[0], Blocks, blockSize).mul(scales.unsqueeze(-1))
            .view(values.shape);
}
