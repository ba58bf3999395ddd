using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Slipway.Kernels.MatMul;

/// <summary>Reads the zero points of 16 outputs' blocks as they are stored.</summary>
internal unsafe interface IZeroPoints
{
    /// <summary>Bytes of 16 zero points.</summary>
    static abstract int Bytes { get; }

    /// <summary>16 zero points.</summary>
    static abstract Vector512<float> Read(byte* zeros);

    /// <summary>Eight zero points, from output <paramref name="half"/> on.</summary>
    static abstract Vector256<float> Read(byte* zeros, int half);

    /// <summary>Four zero points, from output <paramref name="output"/> on.</summary>
    static abstract Vector128<float> ReadFour(byte* zeros, int output);

    /// <summary>Stores the zero point of an output; all bytes were zeros first.</summary>
    static abstract void Put(byte* zeros, int output, int value);
}

/// <summary>Zero points of 4 bits.</summary>
/// <remarks>
/// <code>
/// │ 8 bytes, of which each half is a zero point: of outputs 0, 2 … 14, then of 1, 3 … 15 │
/// </code>
/// So a shift by 0, 4 … 28 of the eight bytes puts the zero points of two neighbours to the ends of their two words.
/// </remarks>
internal readonly unsafe struct NibbleZeroPoints : IZeroPoints
{
    public static int Bytes => PackedMatrix.Group / 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Read(byte* zeros)
    {
        var packed = Vector512.Create(*(ulong*)zeros);
        var last = Avx512F.ShiftRightLogicalVariable(packed, Vector512.Create(0UL, 4, 8, 12, 16, 20, 24, 28)).AsInt32();

        // Of each index the last four bits count.
        return Avx512F.PermuteVar16x32(Vector512.CreateSequence(0f, 1f), last);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Read(byte* zeros, int half)
    {
        var packed = Vector256.Create(*(ulong*)zeros);
        var shifts = Vector256.Create(0UL, 4, 8, 12) + Vector256.Create(2UL * (uint)half);
        var values = Avx2.ShiftRightLogicalVariable(packed, shifts).AsInt32() & Vector256.Create(15);
        return Avx.ConvertToVector256Single(values);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ReadFour(byte* zeros, int output)
    {
        var packed = *(ulong*)zeros >> (2 * output);
        return Vector128.ConvertToSingle(Vector128.Create(packed, packed >> 4).AsInt32() & Vector128.Create(15));
    }

    public static void Put(byte* zeros, int output, int value)
        => *(ulong*)zeros |= (ulong)(uint)value << ((output / 2 * 4) + (output % 2 * 32));
}

/// <summary>Zero points of 8 bits, one a byte.</summary>
internal readonly unsafe struct ByteZeroPoints : IZeroPoints
{
    public static int Bytes => PackedMatrix.Group;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Read(byte* zeros)
        => Avx512F.ConvertToVector512Single(Avx512F.ConvertToVector512Int32(Vector128.Load(zeros)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Read(byte* zeros, int half)
        => Avx.ConvertToVector256Single(Avx2.ConvertToVector256Int32(zeros + half));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> ReadFour(byte* zeros, int output)
        => Vector128.ConvertToSingle(Lanes.Widen(zeros + output));

    public static void Put(byte* zeros, int output, int value) => zeros[output] = (byte)value;
}
