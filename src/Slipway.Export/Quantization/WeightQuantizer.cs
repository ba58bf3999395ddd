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
    /// <param name="bits">2, 4 or 8.</param>
    /// <param name="blockSize">A power of two from 16 to 256.</param>
    /// <param name="method">How codes and scales are chosen.</param>
    /// <param name="statistics">Statistics of the weight's inputs; null for methods that need none.</param>
    /// <param name="cancellationToken">Stops between rows.</param>
    /// <exception cref="ArgumentException">A size does not fit, or a weight is not finite.</exception>
    public static QuantizedMatrix Quantize(
        ReadOnlyMemory<float> weight, int rows, int columns, int bits, int blockSize, QuantizationMethod method,
        InputStatistics? statistics = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(method);
        BlockLayout layout = new(columns, bits, blockSize);
        Check(layout, method);
        return Quantize(
            weight, rows, layout, method.Prepare(layout, statistics), method.HasMinima, cancellationToken) with
        {
            Values = method.Values,
        };
    }

    /// <summary>Checks bits and block size.</summary>
    /// <exception cref="ArgumentException">One does not fit.</exception>
    internal static void Check(BlockLayout layout, QuantizationMethod? method = null)
    {
        if (method?.Values is { } values && 1 << layout.Bits != values.Count)
        {
            throw new ArgumentException(
                $"The method '{method.Name}' has {values.Count} values, so it stores int4 only, not int{layout.Bits}.",
                nameof(method));
        }

        if (layout.Bits is not (2 or 4 or 8))
        {
            throw new ArgumentOutOfRangeException(
                nameof(layout), layout.Bits, "Weights are quantized to 2, 4 or 8 bits.");
        }

        if (layout.BlockSize is < 16 or > 256 || !int.IsPow2(layout.BlockSize))
        {
            throw new ArgumentOutOfRangeException(
                nameof(layout), layout.BlockSize, "The block size must be 16, 32, 64, 128 or 256.");
        }
    }

    /// <summary>Quantizes some rows of a weight by a method that was prepared for it.</summary>
    /// <exception cref="ArgumentException">A size does not fit, or a weight is not finite.</exception>
    internal static QuantizedMatrix Quantize(
        ReadOnlyMemory<float> weight, int rows, BlockLayout layout, RowQuantizer quantize, bool hasMinima,
        CancellationToken cancellationToken)
    {
        var (columns, bits, blockSize) = layout;
        CheckSizes(weight.Length, rows, columns);
        CheckFinite(weight.Span, columns);
        var blocks = layout.Blocks;
        int codeBytes = blocks * blockSize * bits / 8, zeroPointBytes = ((blocks * bits) + 7) / 8;
        QuantizedMatrix result = new(
            rows, columns, bits, blockSize,
            new byte[(long)rows * codeBytes], new float[(long)rows * blocks],
            hasMinima ? [] : new byte[(long)rows * zeroPointBytes])
        {
            Minima = hasMinima ? new float[(long)rows * blocks] : null,
        };
        Parallel.For(0, rows, new ParallelOptions { CancellationToken = cancellationToken }, row =>
        {
            var weights = weight.Span.Slice(row * columns, columns);
            var unpacked = ArrayPool<byte>.Shared.Rent((blocks * blockSize) + blocks);
            var offsets = ArrayPool<float>.Shared.Rent(blocks);
            var codes = unpacked.AsSpan(0, blocks * blockSize);
            var zeroPoints = unpacked.AsSpan(blocks * blockSize, blocks);
            quantize(weights, codes, result.Scales.AsSpan(row * blocks, blocks), offsets.AsSpan(0, blocks));
            Pack(codes, result.Codes.AsSpan(row * codeBytes, codeBytes), bits);
            if (result.Minima is { } minima)
            {
                offsets.AsSpan(0, blocks).CopyTo(minima.AsSpan(row * blocks));
            }
            else
            {
                for (var block = 0; block < blocks; block++)
                {
                    zeroPoints[block] = (byte)offsets[block];
                }

                Pack(zeroPoints, result.ZeroPoints.AsSpan(row * zeroPointBytes, zeroPointBytes), bits);
            }

            ArrayPool<float>.Shared.Return(offsets);
            ArrayPool<byte>.Shared.Return(unpacked);
        });
        return result;
    }

    /// <summary>Packs codes, one a byte, into bytes, the lowest bits first.</summary>
    internal static void Pack(ReadOnlySpan<byte> codes, Span<byte> packed, int bits)
    {
        if (bits == 8)
        {
            codes.CopyTo(packed);
            return;
        }

        var perByte = 8 / bits;
        for (var i = 0; i < packed.Length; i++)
        {
            var held = 0;
            for (var part = Math.Min(perByte, codes.Length - (i * perByte)) - 1; part >= 0; part--)
            {
                held = (held << bits) | codes[(i * perByte) + part];
            }

            packed[i] = (byte)held;
        }
    }

    private static void CheckSizes(int length, int rows, int columns)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rows);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(columns);
        if ((long)rows * columns != length)
        {
            throw new ArgumentException($"A weight of {rows} rows and {columns} columns has {(long)rows * columns} " +
                $"values, not {length}.", nameof(rows));
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
/// <param name="Bits">2, 4 or 8.</param>
/// <param name="BlockSize">Consecutive columns that share a scale and a zero point.</param>
/// <param name="Codes">[rows, blocks, <paramref name="BlockSize"/> × <paramref name="Bits"/> / 8]; the codes
/// in a byte begin with its lowest bits.</param>
/// <param name="Scales">[rows, blocks].</param>
/// <param name="ZeroPoints">[rows, blocks × <paramref name="Bits"/> / 8, rounded up], packed like the codes;
/// empty where there are minima.</param>
public sealed record QuantizedMatrix(
    int Rows, int Columns, int Bits, int BlockSize, byte[] Codes, float[] Scales, byte[] ZeroPoints)
{
    /// <summary>[rows, blocks], what is added to code · scale; null where there are zero points.</summary>
    public float[]? Minima { get; init; }

    /// <summary>Values of the codes, to be multiplied by the scale; null where they form a grid.</summary>
    public IReadOnlyList<float>? Values { get; init; }

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
        ReadOnlySpan<byte> zeroPoints = Minima is null
            ? ZeroPoints.AsSpan(row * ZeroPointBytes, ZeroPointBytes) : [];
        for (var column = 0; column < Columns; column++)
        {
            var block = column / BlockSize;
            var place = (row * Blocks) + block;
            destination[column] = Values is { } values ? values[Unpack(codes, column)] * Scales[place]
                : Minima is null
                ? (Unpack(codes, column) - Unpack(zeroPoints, block)) * Scales[place]
                : (Unpack(codes, column) * Scales[place]) + Minima[place];
        }
    }

    private int Unpack(ReadOnlySpan<byte> packed, int index) =>
        (packed[index * Bits / 8] >> (index * Bits % 8)) & ((1 << Bits) - 1);
}
