using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels;

/// <summary>What <see cref="Int4Avx512"/> does, with AVX2: 8 outputs of up to four rows at a time, to the same numbers.</summary>
internal static unsafe class Int4Avx2
{
    /// <summary>Computes up to four rows of a group's outputs, [rows, 16].</summary>
    /// <returns>How many rows.</returns>
    public static int Compute(PackedMatrix weights, int group, in RoundedRows x, int row, int left, float* y)
    {
        var rows = left >= 4 ? 4 : 1;
        for (var half = 0; half < PackedMatrix.Group; half += PackedMatrix.Group / 2)
        {
            if (rows == 4)
            {
                Rows4(weights, group, half, x, row, y);
            }
            else
            {
                Rows1(weights, group, half, x, row, y);
            }
        }

        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(PackedMatrix weights, int group, int half, in RoundedRows x, int row, float* y)
    {
        var low = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
        byte* codes = weights.Codes(group) + (4 * half), zeros = weights.ZeroPoints(group) + half;
        float* scales = weights.Scales(group) + half, xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector256<float> f0 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector256<int> i0 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector256<short> s0 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector256.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                }

                i0 += Avx2.MultiplyAddAdjacent(s0, ones);
            }

            var scale = Vector256.Load(scales);
            var zero = Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(zeros));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
        }

        f0.Store(y + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(PackedMatrix weights, int group, int half, in RoundedRows x, int row, float* y)
    {
        var low = Vector256.Create((byte)15);
        var ones = Vector256.Create((short)1);
        byte* codes = weights.Codes(group) + (4 * half), zeros = weights.ZeroPoints(group) + half;
        float* scales = weights.Scales(group) + half, xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector256<float> f0 = default, f1 = default, f2 = default, f3 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector256<int> i0 = default, i1 = default, i2 = default, i3 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector256.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                    s1 = Add(s1, first, second, a + stride);
                    s2 = Add(s2, first, second, a + (2 * stride));
                    s3 = Add(s3, first, second, a + (3 * stride));
                }

                i0 += Avx2.MultiplyAddAdjacent(s0, ones);
                i1 += Avx2.MultiplyAddAdjacent(s1, ones);
                i2 += Avx2.MultiplyAddAdjacent(s2, ones);
                i3 += Avx2.MultiplyAddAdjacent(s3, ones);
            }

            var scale = Vector256.Load(scales);
            var zero = Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(zeros));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
            f1 = Fold(f1, i1, zero, scale, xSums[block + blocks], xScales[block + blocks]);
            f2 = Fold(f2, i2, zero, scale, xSums[block + (2 * blocks)], xScales[block + (2 * blocks)]);
            f3 = Fold(f3, i3, zero, scale, xSums[block + (3 * blocks)], xScales[block + (3 * blocks)]);
        }

        f0.Store(y + half);
        f1.Store(y + 16 + half);
        f2.Store(y + 32 + half);
        f3.Store(y + 48 + half);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Add(Vector256<short> sum, Vector256<byte> first, Vector256<byte> second, sbyte* a)
        => sum
            + Avx2.MultiplyAddAdjacent(first, Vector256.Create(*(int*)a).AsSByte())
            + Avx2.MultiplyAddAdjacent(second, Vector256.Create(*(int*)(a + 16)).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Fold(
        Vector256<float> total, Vector256<int> sum, Vector256<float> zero, Vector256<float> scale, float xSum, float xScale)
        => Fma.MultiplyAdd(
            Fma.MultiplyAddNegated(zero, Vector256.Create(xSum), Avx.ConvertToVector256Single(sum)),
            scale * Vector256.Create(xScale),
            total);
}
