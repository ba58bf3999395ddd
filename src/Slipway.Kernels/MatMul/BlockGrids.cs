using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>Reads the grid of a block of 16 outputs, and adds the block's sums up by it.</summary>
/// <remarks>
/// Vectors of 256 bits hold the outputs from <c>half</c> on, which is 0 or 8; those of 128 bits four from
/// <c>output</c> on.
/// </remarks>
internal unsafe interface IBlockGrid
{
    /// <summary>Bytes of the grid.</summary>
    static abstract int Bytes { get; }

    /// <summary>Bytes of a scale, and of a minimum.</summary>
    static abstract int NumberBytes { get; }

    /// <summary>Tells whether offsets are minima; they are zero points otherwise.</summary>
    static abstract bool HasMinima { get; }

    /// <summary>The sums of a row's blocks that offsets are multiplied by.</summary>
    static abstract float* Sums(in QuantizedActivations x, int row);

    /// <summary>The scale of each output.</summary>
    static abstract Vector512<float> Scales(byte* grid, Vector512<float> unit);

    /// <summary>The scale of eight outputs.</summary>
    static abstract Vector256<float> Scales(byte* grid, int half, Vector256<float> unit);

    /// <summary>The scale of four outputs.</summary>
    static abstract Vector128<float> Scales(byte* grid, int output, Vector128<float> unit);

    /// <summary>The zero point or the minimum of each output.</summary>
    static abstract Vector512<float> Offsets(byte* grid, Vector512<float> unit);

    /// <summary>The same of eight outputs.</summary>
    static abstract Vector256<float> Offsets(byte* grid, int half, Vector256<float> unit);

    /// <summary>The same of four outputs.</summary>
    static abstract Vector128<float> Offsets(byte* grid, int output, Vector128<float> unit);

    /// <summary>Adds a block to totals.</summary>
    /// <param name="total">Receives.</param>
    /// <param name="sum">Σ value * x over the block's inputs.</param>
    /// <param name="scale">Scales.</param>
    /// <param name="offset">Offsets.</param>
    /// <param name="xScale">The scale of the quantized x.</param>
    /// <param name="xSum">The block's number of <see cref="Sums"/>.</param>
    static abstract Vector512<float> Fold(
        Vector512<float> total, Vector512<int> sum, Vector512<float> scale, Vector512<float> offset, float xScale,
        float xSum);

    /// <summary>The same for eight outputs.</summary>
    static abstract Vector256<float> Fold(
        Vector256<float> total, Vector256<int> sum, Vector256<float> scale, Vector256<float> offset, float xScale,
        float xSum);

    /// <summary>The same for four outputs.</summary>
    static abstract Vector128<float> Fold(
        Vector128<float> total, Vector128<int> sum, Vector128<float> scale, Vector128<float> offset, float xScale,
        float xSum);
}

/// <summary>Grids whose weights are (value − zero) * scale, with zero points of as many bits as values.</summary>
/// <remarks>
/// <code>
/// │ 16 scales │ 16 zero points │
/// </code>
/// With scales of 16 bits a weight in blocks of 32 takes 4 + 8 * (32 + 8) / (16 * 32) = 4.625 bits, and 8.75 where
/// values have 8 bits.
/// </remarks>
internal readonly unsafe struct ZeroPointGrid<TNumbers, TZeroPoints> : IBlockGrid
    where TNumbers : IBlockNumbers
    where TZeroPoints : IZeroPoints
{
    public static int Bytes => (PackedMatrix.Group * TNumbers.Size) + TZeroPoints.Bytes;

    public static int NumberBytes => TNumbers.Size;

    public static bool HasMinima => false;

    public static float* Sums(in QuantizedActivations x, int row) => x.Sums(row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scales(byte* grid, Vector512<float> unit) => TNumbers.Widen(grid, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(byte* grid, int half, Vector256<float> unit)
        => TNumbers.Widen(grid + (half * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Scales(byte* grid, int output, Vector128<float> unit)
        => TNumbers.Widen(grid + (output * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offsets(byte* grid, Vector512<float> unit)
        => TZeroPoints.Read(grid + (PackedMatrix.Group * TNumbers.Size));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Offsets(byte* grid, int half, Vector256<float> unit)
        => TZeroPoints.Read(grid + (PackedMatrix.Group * TNumbers.Size), half);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Offsets(byte* grid, int output, Vector128<float> unit)
        => TZeroPoints.ReadFour(grid + (PackedMatrix.Group * TNumbers.Size), output);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fold(
        Vector512<float> total, Vector512<int> sum, Vector512<float> scale, Vector512<float> offset, float xScale,
        float xSum)
        => Avx512F.FusedMultiplyAdd(
            Avx512F.FusedMultiplyAddNegated(offset, Vector512.Create(xSum), Avx512F.ConvertToVector512Single(sum)),
            scale * Vector512.Create(xScale), total);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fold(
        Vector256<float> total, Vector256<int> sum, Vector256<float> scale, Vector256<float> offset, float xScale,
        float xSum)
        => Fma.MultiplyAdd(
            Fma.MultiplyAddNegated(offset, Vector256.Create(xSum), Avx.ConvertToVector256Single(sum)),
            scale * Vector256.Create(xScale), total);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Fold(
        Vector128<float> total, Vector128<int> sum, Vector128<float> scale, Vector128<float> offset, float xScale,
        float xSum)
        => Vector128.FusedMultiplyAdd(
            Vector128.FusedMultiplyAdd(offset, Vector128.Create(-xSum), Vector128.ConvertToSingle(sum)),
            scale * Vector128.Create(xScale), total);
}

/// <summary>Grids whose weights are value * scale + minimum.</summary>
/// <remarks>
/// <code>
/// │ 16 scales │ 16 minima │
/// </code>
/// </remarks>
internal readonly unsafe struct MinimumGrid<TNumbers> : IBlockGrid
    where TNumbers : IBlockNumbers
{
    public static int Bytes => 2 * PackedMatrix.Group * TNumbers.Size;

    public static int NumberBytes => TNumbers.Size;

    public static bool HasMinima => true;

    public static float* Sums(in QuantizedActivations x, int row) => x.ScaledSums(row);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scales(byte* grid, Vector512<float> unit) => TNumbers.Widen(grid, unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scales(byte* grid, int half, Vector256<float> unit)
        => TNumbers.Widen(grid + (half * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Scales(byte* grid, int output, Vector128<float> unit)
        => TNumbers.Widen(grid + (output * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Offsets(byte* grid, Vector512<float> unit)
        => TNumbers.Widen(grid + (PackedMatrix.Group * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Offsets(byte* grid, int half, Vector256<float> unit)
        => TNumbers.Widen(grid + ((PackedMatrix.Group + half) * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Offsets(byte* grid, int output, Vector128<float> unit)
        => TNumbers.Widen(grid + ((PackedMatrix.Group + output) * TNumbers.Size), unit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Fold(
        Vector512<float> total, Vector512<int> sum, Vector512<float> scale, Vector512<float> offset, float xScale,
        float xSum)
        => Avx512F.FusedMultiplyAdd(
            Avx512F.ConvertToVector512Single(sum), scale * Vector512.Create(xScale),
            Avx512F.FusedMultiplyAdd(offset, Vector512.Create(xSum), total));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Fold(
        Vector256<float> total, Vector256<int> sum, Vector256<float> scale, Vector256<float> offset, float xScale,
        float xSum)
        => Fma.MultiplyAdd(
            Avx.ConvertToVector256Single(sum), scale * Vector256.Create(xScale),
            Fma.MultiplyAdd(offset, Vector256.Create(xSum), total));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Fold(
        Vector128<float> total, Vector128<int> sum, Vector128<float> scale, Vector128<float> offset, float xScale,
        float xSum)
        => Vector128.FusedMultiplyAdd(
            Vector128.ConvertToSingle(sum), scale * Vector128.Create(xScale),
            Vector128.FusedMultiplyAdd(offset, Vector128.Create(xSum), total));
}
