using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Slipway.Kernels.MatMul;

namespace Slipway.Kernels.Attention;

/// <summary>Turns numbers into half precision and back.</summary>
/// <remarks>
/// <code>
/// half:   │ sign │ exponent, 5 bits │ mantissa, 10 bits │
/// single: │ sign │ 0 0 0 │ the same exponent and mantissa │ 13 zeros │ * 2^112
/// </code>
/// The product is exact for every finite number, small ones too. Numbers beyond ±65,504 are stored as that; what is not
/// a number does not come back. .NET 10 has no instruction for either way.
/// </remarks>
internal static unsafe class HalfPrecision
{
    private const float Max = 65504;
    private const int Kept = unchecked((int)0x8FFFE000);

    /// <summary>Rounds numbers to the nearest in half precision.</summary>
    /// <param name="numbers">[count]; those beyond the largest are cut.</param>
    /// <param name="count">The number of numbers.</param>
    /// <param name="halves">Takes [count].</param>
    public static void Store(float* numbers, int count, byte* halves)
    {
        var bounded = new Span<float>(numbers, count);
        TensorPrimitives.Clamp(bounded, -Max, Max, bounded);
        TensorPrimitives.ConvertToHalf(bounded, new Span<Half>(halves, count));
    }

    /// <summary>Single precision of halves whose sign is the highest bit and repeated thrice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Scaled(Vector512<int> shifted)
        => (shifted & Vector512.Create(Kept)).AsSingle() * HalfNumbers.Unit;

    /// <summary>Single precision of halves whose sign is the highest bit and repeated thrice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Scaled(Vector256<int> shifted)
        => (shifted & Vector256.Create(Kept)).AsSingle() * HalfNumbers.Unit;

    /// <summary>Single precision of halves whose sign is the highest bit and repeated thrice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Scaled(Vector128<int> shifted)
        => (shifted & Vector128.Create(Kept)).AsSingle() * HalfNumbers.Unit;
}
