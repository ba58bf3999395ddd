using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.MatMul;

/// <summary>
/// Multiplies quantized rows by weights of 4 or 8 bits with vectors of 128 bits: arm64's form, and the portable one
/// that all others equal to the bit.
/// </summary>
/// <remarks>
/// <code>
/// y[row, n] = Σ over blocks b: scale[n, b] * xScale[row, b] * (Σ w[n, k] * x[row, k] − zero[n, b] * xSum[row, b])
///         or  Σ over blocks b: scale[n, b] * xScale[row, b] * Σ w[n, k] * x[row, k] + minimum[n, b] * xSum * xScale
/// </code>
/// Values of 8 bits are taken in two passes of four bits, the second times 16. Each output's blocks are added in order,
/// so that a row's numbers are the same whatever rows are beside it.
/// </remarks>
internal static unsafe class MatMulVector128
{
    private const int Width = 4;

    /// <summary>Computes up to four rows, [rows, groups · 16].</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="x">The rows.</param>
    /// <param name="row">The first of them.</param>
    /// <param name="left">The number of rows from there on.</param>
    /// <param name="y">Receives the outputs.</param>
    /// <param name="stride">Outputs from one row to the next.</param>
    /// <returns>The number of rows.</returns>
    public static int Compute<TProduct, TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, int left, float* y, int stride)
        where TProduct : IByteProduct
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var rows = left >= 4 ? 4 : 1;
        for (var output = 0; output < PackedMatrix.Group; output += 2 * Width)
        {
            if (rows == 4)
            {
                Rows4<TProduct, TGrid, TValues>(weights, output, x, row, y, stride);
            }
            else
            {
                Rows1<TProduct, TGrid, TValues>(weights, output, x, row, y);
            }
        }

        return rows;
    }

    // Eight outputs of one row.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows1<TProduct, TGrid, TValues>(
        in PackedPart weights, int output, in QuantizedActivations x, int row, float* y)
        where TProduct : IByteProduct
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        byte* values = weights.Values + (4 * output), grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector128<float> f0 = default, g0 = default;
            for (var block = 0; block < x.Blocks; block++, grid += TGrid.Bytes)
            {
                Vector128<int> i0 = default, j0 = default;
                for (var tile = 0; tile < weights.TilesOfBlock; tile++, values += TValues.TileBytes)
                {
                    for (var pass = 0; pass < TValues.Passes; pass++)
                    {
                        Vector128<int> s0 = default, t0 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            var (near, far) = (Four(a + (4 * q)), Four(a + (4 * q) + 16));
                            TValues.Load(values, pass, q, out Vector128<byte> first, out var second);
                            s0 = TProduct.Add(TProduct.Add(s0, first, near), second, far);
                            TValues.Load(values + (4 * Width), pass, q, out first, out second);
                            t0 = TProduct.Add(TProduct.Add(t0, first, near), second, far);
                        }

                        i0 += s0 << (4 * pass);
                        j0 += t0 << (4 * pass);
                    }

                    a += PackedMatrix.Tile;
                }

                f0 = Fold<TGrid>(f0, i0, grid, output, weights.Unit, xScales[block], xSums[block]);
                g0 = Fold<TGrid>(g0, j0, grid, output + Width, weights.Unit, xScales[block], xSums[block]);
            }

            f0.Store(y + output);
            g0.Store(y + output + Width);
        }
    }

    // Eight outputs of four rows.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Rows4<TProduct, TGrid, TValues>(
        in PackedPart weights, int output, in QuantizedActivations x, int row, float* y, int stride)
        where TProduct : IByteProduct
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        byte* values = weights.Values + (4 * output), grid = weights.Grids;
        var end = y + (weights.Groups * PackedMatrix.Group);
        float* xScales = x.Scales(row), xSums = TGrid.Sums(x, row);
        var (blocks, width, unit) = (x.Blocks, (long)x.Width, weights.Unit);
        for (; y < end; y += PackedMatrix.Group)
        {
            var a = x.Values(row);
            Vector128<float> f0 = default, f1 = default, f2 = default, f3 = default;
            Vector128<float> g0 = default, g1 = default, g2 = default, g3 = default;
            for (var block = 0; block < blocks; block++, grid += TGrid.Bytes)
            {
                Vector128<int> i0 = default, i1 = default, i2 = default, i3 = default;
                Vector128<int> j0 = default, j1 = default, j2 = default, j3 = default;
                for (var tile = 0; tile < weights.TilesOfBlock; tile++, values += TValues.TileBytes)
                {
                    for (var pass = 0; pass < TValues.Passes; pass++)
                    {
                        Vector128<int> s0 = default, s1 = default, s2 = default, s3 = default;
                        Vector128<int> t0 = default, t1 = default, t2 = default, t3 = default;
                        for (var q = 0; q < 4; q++)
                        {
                            var part = a + (4 * q);
                            TValues.Load(values, pass, q, out Vector128<byte> first, out var second);
                            TValues.Load(values + (4 * Width), pass, q, out Vector128<byte> third, out var fourth);
                            Add<TProduct>(ref s0, ref t0, first, second, third, fourth, part);
                            Add<TProduct>(ref s1, ref t1, first, second, third, fourth, part + width);
                            Add<TProduct>(ref s2, ref t2, first, second, third, fourth, part + (2 * width));
                            Add<TProduct>(ref s3, ref t3, first, second, third, fourth, part + (3 * width));
                        }

                        var shift = 4 * pass;
                        (i0, j0) = (i0 + (s0 << shift), j0 + (t0 << shift));
                        (i1, j1) = (i1 + (s1 << shift), j1 + (t1 << shift));
                        (i2, j2) = (i2 + (s2 << shift), j2 + (t2 << shift));
                        (i3, j3) = (i3 + (s3 << shift), j3 + (t3 << shift));
                    }

                    a += PackedMatrix.Tile;
                }

                float* scale = xScales + block, sum = xSums + block;
                f0 = Fold<TGrid>(f0, i0, grid, output, unit, scale[0], sum[0]);
                f1 = Fold<TGrid>(f1, i1, grid, output, unit, scale[blocks], sum[blocks]);
                f2 = Fold<TGrid>(f2, i2, grid, output, unit, scale[2 * blocks], sum[2 * blocks]);
                f3 = Fold<TGrid>(f3, i3, grid, output, unit, scale[3 * blocks], sum[3 * blocks]);
                g0 = Fold<TGrid>(g0, j0, grid, output + Width, unit, scale[0], sum[0]);
                g1 = Fold<TGrid>(g1, j1, grid, output + Width, unit, scale[blocks], sum[blocks]);
                g2 = Fold<TGrid>(g2, j2, grid, output + Width, unit, scale[2 * blocks], sum[2 * blocks]);
                g3 = Fold<TGrid>(g3, j3, grid, output + Width, unit, scale[3 * blocks], sum[3 * blocks]);
            }

            Store(y + output, f0, g0);
            Store(y + output + stride, f1, g1);
            Store(y + output + (2 * stride), f2, g2);
            Store(y + output + (3 * stride), f3, g3);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Add<TProduct>(
        ref Vector128<int> lower, ref Vector128<int> upper, Vector128<byte> first, Vector128<byte> second,
        Vector128<byte> third, Vector128<byte> fourth, sbyte* a)
        where TProduct : IByteProduct
    {
        var (near, far) = (Four(a), Four(a + 16));
        lower = TProduct.Add(TProduct.Add(lower, first, near), second, far);
        upper = TProduct.Add(TProduct.Add(upper, third, near), fourth, far);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<float> Fold<TGrid>(
        Vector128<float> total, Vector128<int> sum, byte* grid, int output, float unit, float xScale, float xSum)
        where TGrid : IBlockGrid
    {
        var factor = Vector128.Create(unit);
        return TGrid.Fold(
            total, sum, TGrid.Scales(grid, output, factor), TGrid.Offsets(grid, output, factor), xScale, xSum);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<sbyte> Four(sbyte* a) => Vector128.Create(*(int*)a).AsSByte();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(float* y, Vector128<float> low, Vector128<float> high)
    {
        low.Store(y);
        high.Store(y + Width);
    }
}
