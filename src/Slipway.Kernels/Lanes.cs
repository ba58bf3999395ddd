using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels;

/// <summary>Moves and widens lanes of vectors by one instruction, on x64 and arm64.</summary>
internal static unsafe class Lanes
{
    /// <summary>a0, b0, a1, b1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ZipLower(Vector128<float> a, Vector128<float> b)
        => AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipLow(a, b) : Sse.UnpackLow(a, b);

    /// <summary>a2, b2, a3, b3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ZipUpper(Vector128<float> a, Vector128<float> b)
        => AdvSimd.Arm64.IsSupported ? AdvSimd.Arm64.ZipHigh(a, b) : Sse.UnpackHigh(a, b);

    /// <summary>a0, a1, b0, b1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LowerHalves(Vector128<float> a, Vector128<float> b)
        => AdvSimd.Arm64.IsSupported
            ? AdvSimd.Arm64.ZipLow(a.AsDouble(), b.AsDouble()).AsSingle() : Sse.MoveLowToHigh(a, b);

    /// <summary>a2, a3, b2, b3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> UpperHalves(Vector128<float> a, Vector128<float> b)
        => AdvSimd.Arm64.IsSupported
            ? AdvSimd.Arm64.ZipHigh(a.AsDouble(), b.AsDouble()).AsSingle() : Sse.MoveHighToLow(b, a);

    /// <summary>Four bytes as numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Widen(sbyte* bytes)
        => Sse41.IsSupported
            ? Sse41.ConvertToVector128Int32(bytes)
            : Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(int*)bytes).AsSByte()));

    /// <summary>Four bytes as numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<int> Widen(byte* bytes)
        => Sse41.IsSupported
            ? Sse41.ConvertToVector128Int32(bytes)
            : Vector128.WidenLower(Vector128.WidenLower(Vector128.CreateScalarUnsafe(*(uint*)bytes).AsByte()))
                .AsInt32();

    /// <summary>Eight bytes as numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> WidenEight(byte* bytes)
        => Avx2.IsSupported
            ? Avx2.ConvertToVector256Int32(bytes) : Vector256.Create(Widen(bytes), Widen(bytes + 4));

    /// <summary>Sixteen numbers of 16 bits as such of 32.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> WidenSixteen(short* numbers)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Int32(Vector256.Load(numbers));
        }

        if (Avx2.IsSupported)
        {
            return Vector512.Create(
                Avx2.ConvertToVector256Int32(Vector128.Load(numbers)),
                Avx2.ConvertToVector256Int32(Vector128.Load(numbers + 8)));
        }

        var (lower, upper) = (Vector128.Load(numbers), Vector128.Load(numbers + 8));
        return Vector512.Create(
            Vector256.Create(Vector128.WidenLower(lower), Vector128.WidenUpper(lower)),
            Vector256.Create(Vector128.WidenLower(upper), Vector128.WidenUpper(upper)));
    }

    /// <summary>Sixteen bytes as numbers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<int> WidenSixteen(sbyte* bytes)
    {
        if (Avx512F.IsSupported)
        {
            return Avx512F.ConvertToVector512Int32(Vector128.Load(bytes));
        }

        return Avx2.IsSupported
            ? Vector512.Create(Avx2.ConvertToVector256Int32(bytes), Avx2.ConvertToVector256Int32(bytes + 8))
            : Vector512.Create(
                Vector256.Create(Widen(bytes), Widen(bytes + 4)),
                Vector256.Create(Widen(bytes + 8), Widen(bytes + 12)));
    }
}
