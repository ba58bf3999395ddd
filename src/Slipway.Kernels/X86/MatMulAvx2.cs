using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.X86;

/// <summary>
/// Multiplies as <see cref="MatMulAvx512"/> does, with AVX2: 8 outputs of up to four rows at a time, to the same bits.
/// </summary>
internal static unsafe class MatMulAvx2
{
    public static bool IsSupported => Avx2.IsSupported && Fma.IsSupported;

    /// <summary>Computes up to four rows, [rows, groups · 16]; parameters are those of the other.</summary>
    /// <returns>The number of rows.</returns>
    public static int Compute<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, int left, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var rows = left >= 4 ? 4 : 1;
        for (var half = 0; half < PackedMatrix.Group; half += PackedMatrix.Group / 2)
        {
            if (rows == 4)
            {
                Rows4<TGrid, TValues>(weights, half, x, row, y, stride);
            }
            else
            {
                Rows1<TGrid, TValues>(weights, half, x, row, y, stride);
            }
        }

        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TGrid, TValues>(
        in PackedPart weights, int half, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector256.Create((short)1);
        var unit = Vector256.Create(weights.Unit);
        byte* values = weights.Values + (4 * half), grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector256<float> f0 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector256<int> i0 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector256<short> s0 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector256<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                        }

                        i0 += Avx2.MultiplyAddAdjacent(s0, factor);
                    }
                }

                var scale = TGrid.Scales(grid, half, unit);
                var offset = TGrid.Offsets(grid, half, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
            }

            f0.Store(y + half);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<TGrid, TValues>(
        in PackedPart weights, int half, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector256.Create((short)1);
        var unit = Vector256.Create(weights.Unit);
        byte* values = weights.Values + (4 * half), grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector256<float> f0 = default, f1 = default, f2 = default, f3 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector256<int> i0 = default, i1 = default, i2 = default, i3 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector256<short> s0 = default, s1 = default, s2 = default, s3 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector256<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                            s1 += Multiply(first, second, part + width);
                            s2 += Multiply(first, second, part + (2 * width));
                            s3 += Multiply(first, second, part + (3 * width));
                        }

                        i0 += Avx2.MultiplyAddAdjacent(s0, factor);
                        i1 += Avx2.MultiplyAddAdjacent(s1, factor);
                        i2 += Avx2.MultiplyAddAdjacent(s2, factor);
                        i3 += Avx2.MultiplyAddAdjacent(s3, factor);
                    }
                }

                var scale = TGrid.Scales(grid, half, unit);
                var offset = TGrid.Offsets(grid, half, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
                f1 = TGrid.Fold(f1, i1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
                f2 = TGrid.Fold(f2, i2, scale, offset, xScales[block + (2 * blocks)], xSums[block + (2 * blocks)]);
                f3 = TGrid.Fold(f3, i3, scale, offset, xScales[block + (3 * blocks)], xSums[block + (3 * blocks)]);
            }

            f0.Store(y + half);
            f1.Store(y + stride + half);
            f2.Store(y + (2 * stride) + half);
            f3.Store(y + (3 * stride) + half);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<short> Multiply(Vector256<byte> first, Vector256<byte> second, sbyte* a)
        => Avx2.MultiplyAddAdjacent(first, Vector256.Create(*(int*)a).AsSByte())
            + Avx2.MultiplyAddAdjacent(second, Vector256.Create(*(int*)(a + 16)).AsSByte());
}
