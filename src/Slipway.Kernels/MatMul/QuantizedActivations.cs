using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slipway.Packaging.Kernels;

namespace Slipway.Kernels.MatMul;

/// <summary>Quantizes rows of numbers to signed bytes, each block with a scale of its own.</summary>
/// <remarks>
/// <code>
/// scale = max|x| / 127, value = round(x / scale), sum = Σ value, scaled sum = sum * scale          for each block
/// memory: values [rows, K] │ scales [rows, blocks] │ sums [rows, blocks] │ scaled sums [rows, blocks]
/// </code>
/// The scale is that of ONNX Runtime's MatMulNBits at accuracy level 4. The memory is someone else's.
/// </remarks>
internal readonly unsafe struct QuantizedActivations(
    sbyte* values, float* scales, float* sums, float* scaledSums, int width, int blockSize)
{
    /// <summary>Numbers of a row.</summary>
    public readonly int Width = width;

    /// <summary>Blocks of a row.</summary>
    public readonly int Blocks = width / blockSize;

    public sbyte* Values(int row) => values + ((long)row * Width);

    public float* Scales(int row) => scales + ((long)row * Blocks);

    public float* Sums(int row) => sums + ((long)row * Blocks);

    public float* ScaledSums(int row) => scaledSums + ((long)row * Blocks);

    /// <summary>Bytes that rows take.</summary>
    public static long BytesFor(long rows, int width, int blockSize)
        => checked(rows * (width + (3L * sizeof(float) * (width / blockSize))));

    /// <summary>Lays rows out in memory of <see cref="BytesFor"/> bytes.</summary>
    public static QuantizedActivations At(byte* memory, int rows, int width, int blockSize)
    {
        var scales = (float*)(memory + ((long)rows * width));
        var blocks = (long)rows * (width / blockSize);
        return new QuantizedActivations(
            (sbyte*)memory, scales, scales + blocks, scales + (2 * blocks), width, blockSize);
    }

    /// <summary>Quantizes one row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Quantize(int row, float* x)
    {
        var target = Values(row);
        for (var block = 0; block < Blocks; block++, x += blockSize, target += blockSize)
        {
            QuantizeBlock(x, target, row, block);
        }
    }

    /// <summary>Quantizes one row divided by its root mean square, times weights.</summary>
    /// <remarks>Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.</remarks>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Quantize(int row, float* x, ReadOnlySpan<float> norm, float epsilon)
    {
        var squares = Vector512<float>.Zero;
        for (var i = 0; i < Width; i += 16)
        {
            var part = Vector512.Load(x + i);
            squares = Vector512.FusedMultiplyAdd(part, part, squares);
        }

        var inverse = Vector512.Create(1 / MathF.Sqrt((Vector512.Sum(squares) / Width) + epsilon));
        var normed = stackalloc float[FusedMatMulContract.MaxBlockSize];
        fixed (float* weights = norm)
        {
            for (var block = 0; block < Blocks; block++)
            {
                var start = block * blockSize;
                for (var i = 0; i < blockSize; i += 16)
                {
                    (Vector512.Load(x + start + i) * inverse * Vector512.Load(weights + start + i)).Store(normed + i);
                }

                QuantizeBlock(normed, Values(row) + start, row, block);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void QuantizeBlock(float* x, sbyte* target, int row, int block)
    {
        var maxima = Vector512<float>.Zero;
        for (var i = 0; i < blockSize; i += 16)
        {
            maxima = Vector512.MaxNative(maxima, Vector512.Abs(Vector512.Load(x + i)));
        }

        var size = Max(maxima);
        var scale = size / sbyte.MaxValue;
        var inverse = Vector512.Create(size > 0 ? sbyte.MaxValue / size : 0);
        var total = Vector512<int>.Zero;
        for (var i = 0; i < blockSize; i += 32)
        {
            var low = Vector512.ConvertToInt32Native(Vector512.Round(Vector512.Load(x + i) * inverse));
            var high = Vector512.ConvertToInt32Native(Vector512.Round(Vector512.Load(x + i + 16) * inverse));
            total += low + high;
            var words = Vector512.Narrow(low, high);
            Vector256.Narrow(words.GetLower(), words.GetUpper()).Store(target + i);
        }

        float sum = Vector512.Sum(total);
        Scales(row)[block] = scale;
        Sums(row)[block] = sum;
        ScaledSums(row)[block] = sum * scale;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Max(Vector512<float> values)
    {
        var half = Vector256.MaxNative(values.GetLower(), values.GetUpper());
        var quarter = Vector128.MaxNative(half.GetLower(), half.GetUpper());
        var two = Vector128.MaxNative(quarter, Vector128.Shuffle(quarter, Vector128.Create(2, 3, 0, 1)));
        return Math.Max(two[0], two[1]);
    }
}
