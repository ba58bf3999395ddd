using Slipway.Kernels.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>
/// Describes how the scales and offsets of a matrix are stored, and names the product that reads them.
/// </summary>
internal sealed unsafe class GridKind
{
    private GridKind(
        int numberBytes, int bytes, bool hasMinima,
        delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int> product)
    {
        (NumberBytes, Bytes, HasMinima) = (numberBytes, bytes, hasMinima);
        Product = product;
    }

    public static GridKind HalfZeroPoints { get; } = Of<HalfNumbers, ZeroPointGrid<HalfNumbers>>(hasMinima: false);

    public static GridKind HalfMinima { get; } = Of<HalfNumbers, MinimumGrid<HalfNumbers>>(hasMinima: true);

    public static GridKind SingleZeroPoints { get; } =
        Of<SingleNumbers, ZeroPointGrid<SingleNumbers>>(hasMinima: false);

    public static GridKind SingleMinima { get; } = Of<SingleNumbers, MinimumGrid<SingleNumbers>>(hasMinima: true);

    /// <summary>Bytes of a scale, and of a minimum.</summary>
    public int NumberBytes { get; }

    /// <summary>Bytes of a block's grid for 16 outputs.</summary>
    public int Bytes { get; }

    /// <summary>Tells whether offsets are minima; they are zero points otherwise.</summary>
    public bool HasMinima { get; }

    /// <summary>
    /// Computes some rows of a product, as <see cref="Int4Avx512.Compute"/> does, with the best instructions here.
    /// </summary>
    public delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int> Product { get; }

    private static GridKind Of<TNumbers, TGrid>(bool hasMinima)
        where TNumbers : IBlockNumbers
        where TGrid : IBlockGrid
        => new(
            TNumbers.Size, TGrid.Bytes, hasMinima,
            Int4Avx512.IsSupported ? &Int4Avx512.Compute<TGrid> : &Int4Avx2.Compute<TGrid>);
}
