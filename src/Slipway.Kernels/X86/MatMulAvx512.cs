using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.X86;

/// <summary>
/// Multiplies quantized rows by weights of 4 or 8 bits with AVX-512: 16 outputs of up to eight rows at a time.
/// </summary>
/// <remarks>
/// <code>
/// y[row, n] = Σ over blocks b: scale[n, b] * xScale[row, b] * (Σ w[n, k] * x[row, k] − zero[n, b] * xSum[row, b])
///         or  Σ over blocks b: scale[n, b] * xScale[row, b] * Σ w[n, k] * x[row, k] + minimum[n, b] * xSum * xScale
/// </code>
/// Bytes are multiplied in pairs and added up in 16 bits, which eight pairs of 15 · 127 fit: 8 bits are taken in two
/// passes, the second times 16. Each output's blocks are added in order, so that a row's numbers are the same whatever
/// rows are beside it.
/// </remarks>
internal static unsafe class MatMulAvx512
{
    // Bytes, and blocks of 32.
    private const int Ahead = 2048, GridsAhead = 8;

    public static bool IsSupported => Avx512BW.IsSupported;

    /// <summary>Computes up to eight rows, [rows, groups · 16].</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="x">The rows.</param>
    /// <param name="row">The first of them.</param>
    /// <param name="left">The number of rows from there on.</param>
    /// <param name="y">Receives the outputs.</param>
    /// <param name="stride">Outputs from one row to the next.</param>
    /// <returns>The number of rows.</returns>
    public static int Compute<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, int left, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        switch (left)
        {
            case >= 8:
                Rows8<TGrid, TValues>(weights, x, row, y, stride);
                return 8;
            case >= 4:
                Rows4<TGrid, TValues>(weights, x, row, y, stride);
                return 4;
            case >= 2:
                Rows2<TGrid, TValues>(weights, x, row, y, stride);
                return 2;
            default:
                Rows1<TGrid, TValues>(weights, x, row, y, stride);
                return 1;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector512.Create((short)1);
        var unit = Vector512.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector512<float> f0 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector512<int> i0 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    Prefetch<TValues>(values);
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector512<short> s0 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector512<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                        }

                        i0 += Avx512BW.MultiplyAddAdjacent(s0, factor);
                    }
                }

                Sse.Prefetch0(grid + (GridsAhead * gridBytes));
                var scale = TGrid.Scales(grid, unit);
                var offset = TGrid.Offsets(grid, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
            }

            f0.Store(y);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows2<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector512.Create((short)1);
        var unit = Vector512.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector512<float> f0 = default, f1 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector512<int> i0 = default, i1 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    Prefetch<TValues>(values);
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector512<short> s0 = default, s1 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector512<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                            s1 += Multiply(first, second, part + width);
                        }

                        i0 += Avx512BW.MultiplyAddAdjacent(s0, factor);
                        i1 += Avx512BW.MultiplyAddAdjacent(s1, factor);
                    }
                }

                Sse.Prefetch0(grid + (GridsAhead * gridBytes));
                var scale = TGrid.Scales(grid, unit);
                var offset = TGrid.Offsets(grid, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
                f1 = TGrid.Fold(f1, i1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
            }

            f0.Store(y);
            f1.Store(y + stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector512.Create((short)1);
        var unit = Vector512.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector512<float> f0 = default, f1 = default, f2 = default, f3 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    Prefetch<TValues>(values);
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector512<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                            s1 += Multiply(first, second, part + width);
                            s2 += Multiply(first, second, part + (2 * width));
                            s3 += Multiply(first, second, part + (3 * width));
                        }

                        i0 += Avx512BW.MultiplyAddAdjacent(s0, factor);
                        i1 += Avx512BW.MultiplyAddAdjacent(s1, factor);
                        i2 += Avx512BW.MultiplyAddAdjacent(s2, factor);
                        i3 += Avx512BW.MultiplyAddAdjacent(s3, factor);
                    }
                }

                Sse.Prefetch0(grid + (GridsAhead * gridBytes));
                var scale = TGrid.Scales(grid, unit);
                var offset = TGrid.Offsets(grid, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
                f1 = TGrid.Fold(f1, i1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
                f2 = TGrid.Fold(f2, i2, scale, offset, xScales[block + (2 * blocks)], xSums[block + (2 * blocks)]);
                f3 = TGrid.Fold(f3, i3, scale, offset, xScales[block + (3 * blocks)], xSums[block + (3 * blocks)]);
            }

            f0.Store(y);
            f1.Store(y + stride);
            f2.Store(y + (2 * stride));
            f3.Store(y + (3 * stride));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows8<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var ones = Vector512.Create((short)1);
        var unit = Vector512.Create(weights.Unit);
        byte* values = weights.Values, grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);

        // Read once: a call among the sums would spill all of them.
        var gridBytes = TGrid.Bytes;
        var (blocks, tiles, width) = (x.Blocks, weights.TilesOfBlock, (long)x.Width);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector512<float> f0 = default, f1 = default, f2 = default, f3 = default;
            Vector512<float> f4 = default, f5 = default, f6 = default, f7 = default;
            for (var block = 0; block < blocks; block++, grid += gridBytes)
            {
                Vector512<int> i0 = default, i1 = default, i2 = default, i3 = default;
                Vector512<int> i4 = default, i5 = default, i6 = default, i7 = default;
                for (var tile = 0; tile < tiles; tile++, values += TValues.TileBytes, a += PackedMatrix.Tile)
                {
                    Prefetch<TValues>(values);
                    var factor = ones;
                    for (var pass = 0; pass < TValues.Passes; pass++, factor <<= 4)
                    {
                        Vector512<short> s0 = default, s1 = default, s2 = default, s3 = default;
                        Vector512<short> s4 = default, s5 = default, s6 = default, s7 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            TValues.Load(values, pass, q, out Vector512<byte> first, out var second);
                            var part = a + (4 * q);
                            s0 += Multiply(first, second, part);
                            s1 += Multiply(first, second, part + width);
                            s2 += Multiply(first, second, part + (2 * width));
                            s3 += Multiply(first, second, part + (3 * width));
                            s4 += Multiply(first, second, part + (4 * width));
                            s5 += Multiply(first, second, part + (5 * width));
                            s6 += Multiply(first, second, part + (6 * width));
                            s7 += Multiply(first, second, part + (7 * width));
                        }

                        i0 += Avx512BW.MultiplyAddAdjacent(s0, factor);
                        i1 += Avx512BW.MultiplyAddAdjacent(s1, factor);
                        i2 += Avx512BW.MultiplyAddAdjacent(s2, factor);
                        i3 += Avx512BW.MultiplyAddAdjacent(s3, factor);
                        i4 += Avx512BW.MultiplyAddAdjacent(s4, factor);
                        i5 += Avx512BW.MultiplyAddAdjacent(s5, factor);
                        i6 += Avx512BW.MultiplyAddAdjacent(s6, factor);
                        i7 += Avx512BW.MultiplyAddAdjacent(s7, factor);
                    }
                }

                Sse.Prefetch0(grid + (GridsAhead * gridBytes));
                var scale = TGrid.Scales(grid, unit);
                var offset = TGrid.Offsets(grid, unit);
                f0 = TGrid.Fold(f0, i0, scale, offset, xScales[block], xSums[block]);
                f1 = TGrid.Fold(f1, i1, scale, offset, xScales[block + blocks], xSums[block + blocks]);
                f2 = TGrid.Fold(f2, i2, scale, offset, xScales[block + (2 * blocks)], xSums[block + (2 * blocks)]);
                f3 = TGrid.Fold(f3, i3, scale, offset, xScales[block + (3 * blocks)], xSums[block + (3 * blocks)]);
                f4 = TGrid.Fold(f4, i4, scale, offset, xScales[block + (4 * blocks)], xSums[block + (4 * blocks)]);
                f5 = TGrid.Fold(f5, i5, scale, offset, xScales[block + (5 * blocks)], xSums[block + (5 * blocks)]);
                f6 = TGrid.Fold(f6, i6, scale, offset, xScales[block + (6 * blocks)], xSums[block + (6 * blocks)]);
                f7 = TGrid.Fold(f7, i7, scale, offset, xScales[block + (7 * blocks)], xSums[block + (7 * blocks)]);
            }

            f0.Store(y);
            f1.Store(y + stride);
            f2.Store(y + (2 * stride));
            f3.Store(y + (3 * stride));
            f4.Store(y + (4 * stride));
            f5.Store(y + (5 * stride));
            f6.Store(y + (6 * stride));
            f7.Store(y + (7 * stride));
        }
    }

    // Pages end the processor's own reading ahead.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Prefetch<TValues>(byte* values)
        where TValues : IPackedValues
    {
        Sse.Prefetch0(values + Ahead);
        Sse.Prefetch0(values + Ahead + 64);
        Sse.Prefetch0(values + Ahead + 128);
        Sse.Prefetch0(values + Ahead + 192);
        if (TValues.TileBytes > 256)
        {
            Sse.Prefetch0(values + Ahead + 256);
            Sse.Prefetch0(values + Ahead + 320);
            Sse.Prefetch0(values + Ahead + 384);
            Sse.Prefetch0(values + Ahead + 448);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<short> Multiply(Vector512<byte> first, Vector512<byte> second, sbyte* a)
        => Avx512BW.MultiplyAddAdjacent(first, Vector512.Create(*(int*)a).AsSByte())
            + Avx512BW.MultiplyAddAdjacent(second, Vector512.Create(*(int*)(a + 16)).AsSByte());
}
