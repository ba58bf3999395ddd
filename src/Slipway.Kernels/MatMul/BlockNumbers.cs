using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>Reads scales and minima of blocks as they are stored.</summary>
internal unsafe interface IBlockNumbers
{
    /// <summary>Bytes of a number.</summary>
    static abstract int Size { get; }

    /// <summary>16 numbers.</summary>
    /// <param name="numbers">As they are stored.</param>
    /// <param name="unit">The matrix's <see cref="PackedMatrix.Unit"/>.</param>
    static abstract Vector512<float> Widen(byte* numbers, Vector512<float> unit);

    /// <summary>Eight numbers.</summary>
    static abstract Vector256<float> Widen(byte* numbers, Vector256<float> unit);

    /// <summary>Four numbers.</summary>
    static abstract Vector128<float> Widen(byte* numbers, Vector128<float> unit);
}

/// <summary>Numbers of single precision, as graphs of the second version of the operators hold them.</summary>
internal readonly unsafe struct SingleNumbers : IBlockNumbers
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(byte* numbers, Vector512<float> unit) => Vector512.Load((float*)numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(byte* numbers, Vector256<float> unit) => Vector256.Load((float*)numbers);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(byte* numbers, Vector128<float> unit) => Vector128.Load((float*)numbers);
}

/// <summary>Numbers of half precision, widened exactly by instructions that every processor has.</summary>
/// <remarks>
/// The 15 bits of a number's size, put in the place of a float's, are the number times 2^-112: exponents are biased by
/// 127 there and by 15 here. A matrix's numbers are stored times a power of two, so that the largest has the largest
/// exponent and the small ones are no subnormals, which processors are slow to multiply; its unit takes that back.
/// </remarks>
internal readonly unsafe struct HalfNumbers : IBlockNumbers
{
    private const int Shift = 13;
    private const int SignAndSize = unchecked((int)0x8FFFE000);

    /// <summary>2^112, what numbers must be multiplied by that are stored as they are.</summary>
    public const float Unit = 5.192296858534828e33f;

    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Widen(byte* numbers, Vector512<float> unit)
    {
        var bits = Avx512F.ConvertToVector512Int32(Vector256.Load((short*)numbers)) << Shift;
        return (bits & Vector512.Create(SignAndSize)).AsSingle() * unit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Widen(byte* numbers, Vector256<float> unit)
    {
        var bits = Avx2.ConvertToVector256Int32(Vector128.Load((short*)numbers)) << Shift;
        return (bits & Vector256.Create(SignAndSize)).AsSingle() * unit;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Widen(byte* numbers, Vector128<float> unit)
    {
        var bits = Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(ulong*)numbers).AsInt16()) << Shift;
        return (bits & Vector128.Create(SignAndSize)).AsSingle() * unit;
    }
}
