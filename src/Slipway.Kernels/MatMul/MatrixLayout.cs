using Slipway.Kernels.Arm;
using Slipway.Kernels.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>
/// Describes how the values, scales and offsets of a matrix are stored, and names the product that reads them.
/// </summary>
internal sealed unsafe class MatrixLayout
{
    private static readonly MatrixLayout[] _all =
    [
        .. Of<NibbleValues, NibbleZeroPoints>(), .. Of<ByteValues, ByteZeroPoints>(),
    ];

    // Pointers to functions, by instruction set.
    private readonly nint[] _products;

    private MatrixLayout(
        int bits, int numberBytes, bool hasMinima, int tileBytes, int gridBytes,
        delegate*<byte*, int, uint*, void> packValues, delegate*<byte*, int, int, void> putZeroPoint, nint[] products)
    {
        (Bits, NumberBytes, HasMinima, TileBytes, GridBytes) = (bits, numberBytes, hasMinima, tileBytes, gridBytes);
        PackValues = packValues;
        PutZeroPoint = putZeroPoint;
        _products = products;
        Product = ProductOf(InstructionSets.Best(bits));
    }

    /// <summary>Bits of a value.</summary>
    public int Bits { get; }

    /// <summary>Bytes of a scale, and of a minimum.</summary>
    public int NumberBytes { get; }

    /// <summary>Tells whether offsets are minima; they are zero points otherwise.</summary>
    public bool HasMinima { get; }

    /// <summary>Bytes of a tile of values.</summary>
    public int TileBytes { get; }

    /// <summary>Bytes of a block's grid for 16 outputs.</summary>
    public int GridBytes { get; }

    /// <summary>Puts an output's values in their place, as <see cref="IPackedValues.Pack"/> does.</summary>
    public delegate*<byte*, int, uint*, void> PackValues { get; }

    /// <summary>Stores a zero point, as <see cref="IZeroPoints.Put"/> does.</summary>
    public delegate*<byte*, int, int, void> PutZeroPoint { get; }

    /// <summary>
    /// Computes some rows of a product, as <see cref="MatMulAvx512.Compute"/> does, with the best instructions here.
    /// </summary>
    public delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int> Product { get; }

    /// <summary>Finds a layout.</summary>
    /// <param name="bits">4 or 8.</param>
    /// <param name="isHalf">Whether scales and minima have half precision; they have single precision
    /// otherwise.</param>
    /// <param name="hasMinima">Whether offsets are minima.</param>
    public static MatrixLayout Find(int bits, bool isHalf, bool hasMinima)
        => _all.Single(layout => layout.Bits == bits && layout.HasMinima == hasMinima
            && layout.NumberBytes == (isHalf ? HalfNumbers.Size : SingleNumbers.Size));

    /// <summary>The product in instructions that this processor must have.</summary>
    public delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int> ProductOf(
        InstructionSet instructions)
        => (delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int>)_products[(int)instructions];

    private static MatrixLayout[] Of<TValues, TZeroPoints>()
        where TValues : IPackedValues
        where TZeroPoints : IZeroPoints
        =>
        [
            Of<TValues, TZeroPoints, ZeroPointGrid<HalfNumbers, TZeroPoints>>(),
            Of<TValues, TZeroPoints, MinimumGrid<HalfNumbers>>(),
            Of<TValues, TZeroPoints, ZeroPointGrid<SingleNumbers, TZeroPoints>>(),
            Of<TValues, TZeroPoints, MinimumGrid<SingleNumbers>>(),
        ];

    private static MatrixLayout Of<TValues, TZeroPoints, TGrid>()
        where TValues : IPackedValues
        where TZeroPoints : IZeroPoints
        where TGrid : IBlockGrid
        => new(
            TValues.Bits, TGrid.NumberBytes, TGrid.HasMinima, TValues.TileBytes, TGrid.Bytes, &TValues.Pack,
            &TZeroPoints.Put, Products<TValues, TGrid>());

    private static nint[] Products<TValues, TGrid>()
        where TValues : IPackedValues
        where TGrid : IBlockGrid
    {
        delegate*<in PackedPart, in QuantizedActivations, int, int, float*, int, int>
            portable = &MatMulVector128.Compute<PortableProduct, TGrid, TValues>,
            dot = &MatMulVector128.Compute<DotProduct, TGrid, TValues>,
            avx2 = &MatMulAvx2.Compute<TGrid, TValues>,
            avxVnni = &MatMulAvxVnni.Compute<TGrid, TValues>,
            avx512 = &MatMulAvx512.Compute<TGrid, TValues>,
            avx512Vnni = &MatMulAvx512Vnni.Compute<TGrid, TValues>;
        var products = new nint[Enum.GetValues<InstructionSet>().Length];
        products[(int)InstructionSet.Vector128] = (nint)portable;
        products[(int)InstructionSet.DotProduct] = (nint)dot;
        products[(int)InstructionSet.Avx2] = (nint)avx2;
        products[(int)InstructionSet.AvxVnni] = (nint)avxVnni;
        products[(int)InstructionSet.Avx512] = (nint)avx512;
        products[(int)InstructionSet.Avx512Vnni] = (nint)avx512Vnni;
        return products;
    }
}
