using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels;

/// <summary>Attention of some rows of queries over some consecutive keys.</summary>
/// <remarks>
/// A row is one head at one token. What a row gives does not depend on the rows beside it: scores and sums are added up in one
/// order always, and keys that a row does not see add exact zeros.
/// </remarks>
internal static unsafe class AttentionSegment
{
    /// <summary>Keys of a segment; segments begin at multiples of it.</summary>
    public const int Length = 256;

    /// <summary>Keys that are scored at once.</summary>
    public const int Tile = 16;

    /// <summary>Scores rows against 16 keys, [rows, <see cref="Length"/>] from where it is told.</summary>
    /// <param name="queries">Each row's query.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="keys">[16, head size].</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="scores">Where the first row's scores go.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Score(float** queries, int rows, float* keys, int size, float* scores)
    {
        for (var row = 0; row < rows; row++, scores += Length)
        {
            var query = queries[row];
            if (Avx512F.IsSupported)
            {
                Score(query, keys, size).Store(scores);
                continue;
            }

            for (var key = 0; key < Tile; key++)
            {
                var sum = Vector256<float>.Zero;
                var own = keys + ((long)key * size);
                for (var i = 0; i < size; i += 8)
                {
                    sum = Fma.MultiplyAdd(Vector256.Load(query + i), Vector256.Load(own + i), sum);
                }

                scores[key] = Vector256.Sum(sum);
            }
        }
    }

    /// <summary>Adds values times weights to rows.</summary>
    /// <param name="weights">The first row's weights; rows are <see cref="Length"/> apart.</param>
    /// <param name="rows">How many rows.</param>
    /// <param name="values">[count, size].</param>
    /// <param name="count">How many values.</param>
    /// <param name="size">The head size, a multiple of 16.</param>
    /// <param name="sums">What the first row's are added to.</param>
    /// <param name="stride">How far a row's are from the next one's.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Add(float* weights, int rows, float* values, int count, int size, float* sums, int stride)
    {
        for (var row = 0; row < rows; row++, weights += Length, sums += stride)
        {
            var i = 0;
            for (; i + 64 <= size; i += 64)
            {
                float* value = values + i, sum = sums + i;
                var (s0, s1) = (Vector512.Load(sum), Vector512.Load(sum + 16));
                var (s2, s3) = (Vector512.Load(sum + 32), Vector512.Load(sum + 48));
                for (var key = 0; key < count; key++, value += size)
                {
                    var weight = Vector512.Create(weights[key]);
                    s0 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(value), s0);
                    s1 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(value + 16), s1);
                    s2 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(value + 32), s2);
                    s3 = Vector512.FusedMultiplyAdd(weight, Vector512.Load(value + 48), s3);
                }

                s0.Store(sum);
                s1.Store(sum + 16);
                s2.Store(sum + 32);
                s3.Store(sum + 48);
            }

            for (; i < size; i += 16)
            {
                var sum = Vector512.Load(sums + i);
                for (var key = 0; key < count; key++)
                {
                    sum = Vector512.FusedMultiplyAdd(
                        Vector512.Create(weights[key]), Vector512.Load(values + ((long)key * size) + i), sum);
                }

                sum.Store(sums + i);
            }
        }
    }

    /// <summary>Turns codes into numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Widen(sbyte* codes, int count, float* numbers)
    {
        for (var i = 0; i < count; i += 16)
        {
            var wide = Avx512F.IsSupported
                ? Avx512F.ConvertToVector512Int32(Vector128.Load(codes + i))
                : Vector512.Create(
                    Avx2.ConvertToVector256Int32(codes + i), Avx2.ConvertToVector256Int32(codes + i + 8));
            Vector512.ConvertToSingle(wide).Store(numbers + i);
        }
    }

    // Sixteen sums of 16 parts each, then a tree that adds the parts up: lane k of what comes out is the score of key k.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Score(float* query, float* keys, int size)
    {
        Vector512<float> a0 = default, a1 = default, a2 = default, a3 = default, a4 = default, a5 = default;
        Vector512<float> a6 = default, a7 = default, a8 = default, a9 = default, a10 = default, a11 = default;
        Vector512<float> a12 = default, a13 = default, a14 = default, a15 = default;
        long stride = size;
        for (var i = 0; i < size; i += 16, keys += 16)
        {
            var q = Vector512.Load(query + i);
            a0 = Multiply(q, keys, a0);
            a1 = Multiply(q, keys + stride, a1);
            a2 = Multiply(q, keys + (2 * stride), a2);
            a3 = Multiply(q, keys + (3 * stride), a3);
            a4 = Multiply(q, keys + (4 * stride), a4);
            a5 = Multiply(q, keys + (5 * stride), a5);
            a6 = Multiply(q, keys + (6 * stride), a6);
            a7 = Multiply(q, keys + (7 * stride), a7);
            a8 = Multiply(q, keys + (8 * stride), a8);
            a9 = Multiply(q, keys + (9 * stride), a9);
            a10 = Multiply(q, keys + (10 * stride), a10);
            a11 = Multiply(q, keys + (11 * stride), a11);
            a12 = Multiply(q, keys + (12 * stride), a12);
            a13 = Multiply(q, keys + (13 * stride), a13);
            a14 = Multiply(q, keys + (14 * stride), a14);
            a15 = Multiply(q, keys + (15 * stride), a15);
        }

        // Within each quarter of a vector: sums of four keys.
        var b0 = AddFour(a0, a1, a2, a3);
        var b1 = AddFour(a4, a5, a6, a7);
        var b2 = AddFour(a8, a9, a10, a11);
        var b3 = AddFour(a12, a13, a14, a15);

        // Quarters 0 and 2, 1 and 3 of two vectors, then of what came of them.
        var low = Avx512F.Shuffle4x128(b0, b1, 0b10_00_10_00) + Avx512F.Shuffle4x128(b0, b1, 0b11_01_11_01);
        var high = Avx512F.Shuffle4x128(b2, b3, 0b10_00_10_00) + Avx512F.Shuffle4x128(b2, b3, 0b11_01_11_01);
        return Avx512F.Shuffle4x128(low, high, 0b10_00_10_00) + Avx512F.Shuffle4x128(low, high, 0b11_01_11_01);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Multiply(Vector512<float> query, float* key, Vector512<float> sum)
        => Avx512F.FusedMultiplyAdd(query, Vector512.Load(key), sum);

    // Lane k of each quarter is the sum of the four lanes of vector k's quarter.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> AddFour(
        Vector512<float> a, Vector512<float> b, Vector512<float> c, Vector512<float> d)
    {
        var ab = Avx512F.UnpackLow(a, b) + Avx512F.UnpackHigh(a, b);
        var cd = Avx512F.UnpackLow(c, d) + Avx512F.UnpackHigh(c, d);
        var (low, high) = (ab.AsDouble(), cd.AsDouble());
        return Avx512F.UnpackLow(low, high).AsSingle() + Avx512F.UnpackHigh(low, high).AsSingle();
    }
}
