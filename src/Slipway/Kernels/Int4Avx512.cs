using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels;

/// <summary>Products of rounded rows and 4-bit weights with AVX-512: 16 outputs of up to eight rows at a time.</summary>
/// <remarks>
/// Bytes are multiplied in pairs and added up in 16 bits, which eight pairs of 15 · 127 fit. Each output's blocks are added in
/// order, so that a row's numbers are the same whatever rows are beside it.
/// </remarks>
internal static unsafe class Int4Avx512
{
    public static bool IsSupported => Avx512BW.IsSupported;

    /// <summary>Computes up to eight rows of a group's outputs, [rows, 16].</summary>
    /// <returns>How many rows.</returns>
    public static int Compute(PackedMatrix weights, int group, in RoundedRows x, int row, int left, float* y)
    {
        switch (left)
        {
            case >= 8:
                Rows8(weights, group, x, row, y);
                return 8;
            case >= 4:
                Rows4(weights, group, x, row, y);
                return 4;
            case >= 2:
                Rows2(weights, group, x, row, y);
                return 2;
            default:
                Rows1(weights, group, x, row, y);
                return 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1(PackedMatrix weights, int group, in RoundedRows x, int row, float* y)
    {
        var low = Vector512.Create((byte)15);
        var ones = Vector512.Create((short)1);
        byte* codes = weights.Codes(group), zeros = weights.ZeroPoints(group);
        float* scales = weights.Scales(group), xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector512<float> f0 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector512<int> i0 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector512<short> s0 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector512.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                }

                i0 += Avx512BW.MultiplyAddAdjacent(s0, ones);
            }

            var scale = Vector512.Load(scales);
            var zero = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
        }

        f0.Store(y);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2(PackedMatrix weights, int group, in RoundedRows x, int row, float* y)
    {
        var low = Vector512.Create((byte)15);
        var ones = Vector512.Create((short)1);
        byte* codes = weights.Codes(group), zeros = weights.ZeroPoints(group);
        float* scales = weights.Scales(group), xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector512<float> f0 = default, f1 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector512<int> i0 = default, i1 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector512<short> s0 = default, s1 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector512.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                    s1 = Add(s1, first, second, a + stride);
                }

                i0 += Avx512BW.MultiplyAddAdjacent(s0, ones);
                i1 += Avx512BW.MultiplyAddAdjacent(s1, ones);
            }

            var scale = Vector512.Load(scales);
            var zero = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
            f1 = Fold(f1, i1, zero, scale, xSums[block + blocks], xScales[block + blocks]);
        }

        f0.Store(y);
        f1.Store(y + 16);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4(PackedMatrix weights, int group, in RoundedRows x, int row, float* y)
    {
        var low = Vector512.Create((byte)15);
        var ones = Vector512.Create((short)1);
        byte* codes = weights.Codes(group), zeros = weights.ZeroPoints(group);
        float* scales = weights.Scales(group), xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector512<float> f0 = default, f1 = default, f2 = default, f3 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector512.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                    s1 = Add(s1, first, second, a + stride);
                    s2 = Add(s2, first, second, a + (2 * stride));
                    s3 = Add(s3, first, second, a + (3 * stride));
                }

                i0 += Avx512BW.MultiplyAddAdjacent(s0, ones);
                i1 += Avx512BW.MultiplyAddAdjacent(s1, ones);
                i2 += Avx512BW.MultiplyAddAdjacent(s2, ones);
                i3 += Avx512BW.MultiplyAddAdjacent(s3, ones);
            }

            var scale = Vector512.Load(scales);
            var zero = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
            f1 = Fold(f1, i1, zero, scale, xSums[block + blocks], xScales[block + blocks]);
            f2 = Fold(f2, i2, zero, scale, xSums[block + (2 * blocks)], xScales[block + (2 * blocks)]);
            f3 = Fold(f3, i3, zero, scale, xSums[block + (3 * blocks)], xScales[block + (3 * blocks)]);
        }

        f0.Store(y);
        f1.Store(y + 16);
        f2.Store(y + 32);
        f3.Store(y + 48);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8(PackedMatrix weights, int group, in RoundedRows x, int row, float* y)
    {
        var low = Vector512.Create((byte)15);
        var ones = Vector512.Create((short)1);
        byte* codes = weights.Codes(group), zeros = weights.ZeroPoints(group);
        float* scales = weights.Scales(group), xScales = x.Scales(row), xSums = x.Sums(row);
        var a = x.Codes(row);
        var (blocks, tiles, stride) = (x.Blocks, weights.BlockSize / PackedMatrix.Tile, (long)weights.Inputs);
        Vector512<float> f0 = default, f1 = default, f2 = default, f3 = default, f4 = default, f5 = default, f6 = default, f7 = default;
        for (var block = 0; block < blocks; block++, scales += 16, zeros += 16)
        {
            Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default, i4 = default, i5 = default, i6 = default, i7 = default;
            for (var tile = 0; tile < tiles; tile++, a += 16)
            {
                Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
                for (var q = 0; q < 4; q++, codes += 64, a += 4)
                {
                    var packed = Vector512.Load(codes);
                    var first = packed & low;
                    var second = (packed.AsUInt16() >>> 4).AsByte() & low;
                    s0 = Add(s0, first, second, a);
                    s1 = Add(s1, first, second, a + stride);
                    s2 = Add(s2, first, second, a + (2 * stride));
                    s3 = Add(s3, first, second, a + (3 * stride));
                    s4 = Add(s4, first, second, a + (4 * stride));
                    s5 = Add(s5, first, second, a + (5 * stride));
                    s6 = Add(s6, first, second, a + (6 * stride));
                    s7 = Add(s7, first, second, a + (7 * stride));
                }

                i0 += Avx512BW.MultiplyAddAdjacent(s0, ones);
                i1 += Avx512BW.MultiplyAddAdjacent(s1, ones);
                i2 += Avx512BW.MultiplyAddAdjacent(s2, ones);
                i3 += Avx512BW.MultiplyAddAdjacent(s3, ones);
                i4 += Avx512BW.MultiplyAddAdjacent(s4, ones);
                i5 += Avx512BW.MultiplyAddAdjacent(s5, ones);
                i6 += Avx512BW.MultiplyAddAdjacent(s6, ones);
                i7 += Avx512BW.MultiplyAddAdjacent(s7, ones);
            }

            var scale = Vector512.Load(scales);
            var zero = Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));
            f0 = Fold(f0, i0, zero, scale, xSums[block], xScales[block]);
            f1 = Fold(f1, i1, zero, scale, xSums[block + blocks], xScales[block + blocks]);
            f2 = Fold(f2, i2, zero, scale, xSums[block + (2 * blocks)], xScales[block + (2 * blocks)]);
            f3 = Fold(f3, i3, zero, scale, xSums[block + (3 * blocks)], xScales[block + (3 * blocks)]);
            f4 = Fold(f4, i4, zero, scale, xSums[block + (4 * blocks)], xScales[block + (4 * blocks)]);
            f5 = Fold(f5, i5, zero, scale, xSums[block + (5 * blocks)], xScales[block + (5 * blocks)]);
            f6 = Fold(f6, i6, zero, scale, xSums[block + (6 * blocks)], xScales[block + (6 * blocks)]);
            f7 = Fold(f7, i7, zero, scale, xSums[block + (7 * blocks)], xScales[block + (7 * blocks)]);
        }

        f0.Store(y);
        f1.Store(y + 16);
        f2.Store(y + 32);
        f3.Store(y + 48);
        f4.Store(y + 64);
        f5.Store(y + 80);
        f6.Store(y + 96);
        f7.Store(y + 112);
    }

    // Lines hold inputs 4q .. 4q + 3 in their low halves, and those 16 further in their high ones.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Add(Vector512<short> sum, Vector512<byte> first, Vector512<byte> second, sbyte* a)
        => sum
            + Avx512BW.MultiplyAddAdjacent(first, Vector512.Create(*(int*)a).AsSByte())
            + Avx512BW.MultiplyAddAdjacent(second, Vector512.Create(*(int*)(a + 16)).AsSByte());

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Fold(
        Vector512<float> total, Vector512<int> sum, Vector512<float> zero, Vector512<float> scale, float xSum, float xScale)
        => Avx512F.FusedMultiplyAdd(
            Avx512F.FusedMultiplyAddNegated(zero, Vector512.Create(xSum), Avx512F.ConvertToVector512Single(sum)),
            scale * Vector512.Create(xScale),
            total);
}
