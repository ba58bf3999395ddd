using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.X86;

/// <summary>
/// Multiplies as <see cref="MatMulAvx512"/> does, with the instruction of AVX-VNNI that adds up four products of bytes
/// in 32 bits: up to four rows at a time, to the same bits.
/// </summary>
internal static unsafe class MatMulAvxVnni
{
    private const int Half = PackedMatrix.Group / 2;

    // Bytes.
    private const int Ahead = 2048;

    public static bool IsSupported => AvxVnni.IsSupported;

    /// <summary>Computes up to four rows, [rows, groups · 16]; parameters are those of the other.</summary>
    /// <returns>The number of rows.</returns>
    public static int Compute<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, int left, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        if (left < 4)
        {
            Rows1<TGrid, TValues>(weights, x, row, y, stride);
            return 1;
        }

        Rows4<TGrid, TValues>(weights, x, row, y, stride);
        return 4;
    }

    // One row waits for memory, so both halves of a line are used at once.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var unit = Vector256.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles) = (x.Blocks, weights.TilesOfBlock);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector256<float> f0 = default, f1 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector256<int> i0 = default, i1 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    for (var q = 0; q < 4; q++)
                    {
                        Sse.Prefetch0(values + Ahead + (TValues.TileBytes / 4 * q));
                        TValues.Load(values, q, out var first, out var second);
                        TValues.Load(values + (4 * Half), q, out var third, out var fourth);
                        Multiply(ref i0, ref i1, first, third, a + (4 * q));
                        Multiply(ref i0, ref i1, second, fourth, a + (4 * q) + 16);
                    }
                }

                f0 = TGrid.Fold(
                    f0, i0, TGrid.Scales(grid, 0, unit), TGrid.Offsets(grid, 0, unit), xScales[block], xSums[block]);
                f1 = TGrid.Fold(
                    f1, i1, TGrid.Scales(grid, Half, unit), TGrid.Offsets(grid, Half, unit), xScales[block],
                    xSums[block]);
            }

            f0.Store(y);
            f1.Store(y + Half);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var unit = Vector256.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector256<float> f0 = default, f1 = default, f2 = default, f3 = default;
            Vector256<float> g0 = default, g1 = default, g2 = default, g3 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector256<int> i0 = default, i1 = default, i2 = default, i3 = default;
                Vector256<int> j0 = default, j1 = default, j2 = default, j3 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    for (var q = 0; q < 4; q++)
                    {
                        Sse.Prefetch0(values + Ahead + (TValues.TileBytes / 4 * q));
                        TValues.Load(values, q, out var first, out var second);
                        TValues.Load(values + (4 * Half), q, out var third, out var fourth);
                        var part = a + (4 * q);
                        Multiply(ref i0, ref j0, first, third, part);
                        Multiply(ref i1, ref j1, first, third, part + width);
                        Multiply(ref i2, ref j2, first, third, part + (2 * width));
                        Multiply(ref i3, ref j3, first, third, part + (3 * width));
                        Multiply(ref i0, ref j0, second, fourth, part + 16);
                        Multiply(ref i1, ref j1, second, fourth, part + width + 16);
                        Multiply(ref i2, ref j2, second, fourth, part + (2 * width) + 16);
                        Multiply(ref i3, ref j3, second, fourth, part + (3 * width) + 16);
                    }
                }

                var scale = TGrid.Scales(grid, 0, unit);
                var offset = TGrid.Offsets(grid, 0, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
                f1 = TGrid.Fold(f1, i1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
                f2 = TGrid.Fold(f2, i2, scale, offset, xScales[block + (2 * blocks)], xSums[block + (2 * blocks)]);
                f3 = TGrid.Fold(f3, i3, scale, offset, xScales[block + (3 * blocks)], xSums[block + (3 * blocks)]);
                scale = TGrid.Scales(grid, Half, unit);
                offset = TGrid.Offsets(grid, Half, unit);
                g0 = TGrid.Fold(g0, j0, scale, offset, xScales[block], xSums[block]);
                g1 = TGrid.Fold(g1, j1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
                g2 = TGrid.Fold(g2, j2, scale, offset, xScales[block + (2 * blocks)], xSums[block + (2 * blocks)]);
                g3 = TGrid.Fold(g3, j3, scale, offset, xScales[block + (3 * blocks)], xSums[block + (3 * blocks)]);
            }

            f0.Store(y);
            g0.Store(y + Half);
            f1.Store(y + stride);
            g1.Store(y + stride + Half);
            f2.Store(y + (2 * stride));
            g2.Store(y + (2 * stride) + Half);
            f3.Store(y + (3 * stride));
            g3.Store(y + (3 * stride) + Half);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Multiply(
        ref Vector256<int> lower, ref Vector256<int> upper, Vector256<byte> low, Vector256<byte> high, sbyte* a)
    {
        var four = Vector256.Create(*(int*)a).AsSByte();
        lower = AvxVnni.MultiplyWideningAndAdd(lower, low, four);
        upper = AvxVnni.MultiplyWideningAndAdd(upper, high, four);
    }
}
