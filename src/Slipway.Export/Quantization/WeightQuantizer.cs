using System.Buffers;
using System.Globalization;
using System.Numerics;

namespace Slipway.Export.Quantization;

/// <summary>Quantizes weights row by row, on all cores.</summary>
public static class WeightQuantizer
{
    /// <summary>Quantizes a weight, or some of its rows.</summary>
    /// <param name="weight">[rows, columns], row-major.</param>
    /// <param name="rows">Rows.</param>
    /// <param name="columns">Columns.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="blockSize">A power of two from 16 to 256.</param>
    /// <param name="method">How a block's grid is chosen.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    /// <exception cref="ArgumentException">A size does not fit, or a weight is not finite.</exception>
    public static QuantizedMatrix Quantize(
        ReadOnlyMemory<float> weight, int rows, int columns, int bits, int blockSize, QuantizationMethod method,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(method);
        CheckSizes(weight.Length, rows, columns, bits, blockSize);
        CheckFinite(weight.Span, columns);
        var blocks = (columns + blockSize - 1) / blockSize;
        int codeBytes = blocks * blockSize * bits / 8, zeroPointBytes = ((blocks * bits) + 7) / 8;
        QuantizedMatrix result = new(
            rows, columns, bits, blockSize,
            new byte[(long)rows * codeBytes], new float[(long)rows * blocks], new byte[(long)rows * zeroPointBytes]);
        Parallel.For(0, rows, new ParallelOptions { CancellationToken = cancellationToken }, row =>
        {
            var weights = weight.Span.Slice(row * columns, columns);
            var unpacked = ArrayPool<byte>.Shared.Rent((blocks * blockSize) + blocks);
            var codes = unpacked.AsSpan(0, blocks * blockSize);
            var zeroPoints = unpacked.AsSpan(blocks * blockSize, blocks);
            method.QuantizeRow(weights, bits, blockSize, codes, result.Scales.AsSpan(row * blocks, blocks), zeroPoints);
            Pack(codes, result.Codes.AsSpan(row * codeBytes, codeBytes), bits);
            Pack(zeroPoints, result.ZeroPoints.AsSpan(row * zeroPointBytes, zeroPointBytes), bits);
            ArrayPool<byte>.Shared.Return(unpacked);
        });
        return result;
    }

    /// <summary>Packs codes, one a byte, into bytes, the lower half first.</summary>
    internal static void Pack(ReadOnlySpan<byte> codes, Span<byte> packed, int bits)
    {
        if (bits == 8)
        {
            codes.CopyTo(packed);
            return;
        }

        for (var i = 0; i < packed.Length; i++)
        {
            var high = (2 * i) + 1 < codes.Length ? codes[(2 * i) + 1] : 0;
            packed[i] = (byte)(codes[2 * i] | (high << 4));
        }
    }

    private static void CheckSizes(int length, int rows, int columns, int bits, int blockSize)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if ((long)rows * columns != length)
        {
            throw new ArgumentException($"A weight of {rows} rows and {columns} columns has {(long)rows * columns} " +
                $"values, not {length}.", nameof(rows));
        }

        if (bits is not (4 or 8))
        {
            throw new ArgumentOutOfRangeException(nameof(bits), bits, "Weights are quantized to 4 or 8 bits.");
        }

        if (blockSize is < 16 or > 256 || !int.IsPow2(blockSize))
        {
            throw new ArgumentOutOfRangeException(
                nameof(blockSize), blockSize, "The block size must be 16, 32, 64, 128 or 256.");
        }
    }

    private static void CheckFinite(ReadOnlySpan<float> weights, int columns)
    {
        var index = 0;
        for (; index <= weights.Length - Vector<float>.Count; index += Vector<float>.Count)
        {
            var zeros = new Vector<float>(weights[index..]) * Vector<float>.Zero;
            if (zeros != Vector<float>.Zero)
            {
                break;
            }
        }

        for (; index < weights.Length; index++)
        {
            if (!float.IsFinite(weights[index]))
            {
                throw new ArgumentException(
                    $"The weight in row {index / columns}, column {index % columns} is " +
                    $"'{weights[index].ToString(CultureInfo.InvariantCulture)}', not a finite number. " +
                    "The checkpoint is damaged or its training diverged.");
            }
        }
    }
}

/// <summary>
/// A weight [rows, columns] as codes, in the layout of the operators MatMulNBits and GatherBlockQuantized.
/// </summary>
/// <param name="Rows">Rows: the outputs of a linear layer, or the tokens of an embedding.</param>
/// <param name="Columns">Columns: the inputs of a linear layer.</param>
/// <param name="Bits">4 or 8.</param>
/// <param name="BlockSize">Consecutive columns that share a scale and a zero point.</param>
/// <param name="Codes">[rows, blocks, <paramref name="BlockSize"/> × <paramref name="Bits"/> / 8]; of two 4-bit codes
/// in a byte the lower half comes first.</param>
/// <param name="Scales">[rows, blocks].</param>
/// <param name="ZeroPoints">[rows, blocks × <paramref name="Bits"/> / 8, rounded up], packed like the codes.</param>
public sealed record QuantizedMatrix(
    int Rows, int Columns, int Bits, int BlockSize, byte[] Codes, float[] Scales, byte[] ZeroPoints)
{
    /// <summary>Blocks in a row.</summary>
    public int Blocks => (Columns + BlockSize - 1) / BlockSize;

    /// <summary>Bytes of codes in a row.</summary>
    public int CodeBytes => Blocks * BlockSize * Bits / 8;

    /// <summary>Bytes of zero points in a row.</summary>
    public int ZeroPointBytes => ((Blocks * Bits) + 7) / 8;

    /// <summary>Computes the weights that a row's codes stand for.</summary>
    /// <param name="row">The row.</param>
    /// <param name="destination">Receives <see cref="Columns"/> weights.</param>
    public void Dequantize(int row, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        ReadOnlySpan<byte> codes = Codes.AsSpan(row * CodeBytes, CodeBytes);
        ReadOnlySpan<byte> zeroPoints = ZeroPoints.AsSpan(row * ZeroPointBytes, ZeroPointBytes);
        for (var column = 0; column < Columns; column++)
        {
            var block = column / BlockSize;
            destination[column] = (Unpack(codes, column) - Unpack(zeroPoints, block)) * Scales[(row * Blocks) + block];
        }
    }

    private int Unpack(ReadOnlySpan<byte> packed, int index) =>
        Bits == 8 ? packed[index] : (packed[index / 2] >> (4 * (index & 1))) & 15;
}
