using System.Runtime.CompilerServices;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.X86;

/// <summary>
/// Multiplies as <see cref="MatMulAvx512"/> does, to the same bits, with the instruction of AVX-512 VNNI that adds up
/// four products of bytes in 32 bits: routines of machine code, which <see cref="ProductCode"/> writes.
/// </summary>
internal static unsafe class MatMulAvx512Vnni
{
    public static bool IsSupported => ProductCode.IsSupported;

    /// <summary>Computes up to eight rows, [rows, groups · 16]; parameters are those of the other.</summary>
    /// <returns>The number of rows.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static int Compute<TGrid, TValues>(
        in PackedPart weights, in QuantizedActivations x, int row, int left, float* y, int stride)
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        var rows = Math.Min(left, ProductCode.MaxRows);
        var job = new ProductJob
        {
            Values = weights.Values,
            Grids = weights.Grids,
            X = x.Values(row),
            Width = x.Width,
            Scales = x.Scales(row),
            Sums = TGrid.Sums(x, row),
            Step = x.Blocks * sizeof(float),
            Blocks = x.Blocks,
            TilesOfBlock = weights.TilesOfBlock,
            Y = y,
            Stride = stride * sizeof(float),
            Table = ProductCode.Table,
            Unit = weights.Unit,
        };
        var routine = (delegate* unmanaged[SuppressGCTransition]<ProductJob*, void>)
            Routines<TGrid, TValues>.All[rows - 1];
        for (var group = 0; group < weights.Groups; group++, job.Y += PackedMatrix.Group)
        {
            routine(&job);
        }

        return rows;
    }

    private static class Routines<TGrid, TValues>
        where TGrid : IBlockGrid
        where TValues : IPackedValues
    {
        public static readonly nint[] All = ProductCode.Map(TValues.Bits, TGrid.NumberBytes, TGrid.HasMinima);
    }
}
