using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Training.Autograd;

/// <summary>Reads and writes sixteen numbers of a format as float32.</summary>
internal interface INumberFormat
{
    static abstract int Size { get; }

    static abstract unsafe Vector512<float> Load(byte* source);

    static abstract unsafe void Store(Vector512<float> values, byte* destination);
}

/// <summary>float32</summary>
internal readonly struct Float32Format : INumberFormat
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector512<float> Load(byte* source) => Vector512.Load((float*)source);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store(Vector512<float> values, byte* destination) => values.Store((float*)destination);
}

/// <summary>bfloat16: the upper half of a float32, rounded to nearest, ties to even.</summary>
internal readonly struct BFloat16Format : INumberFormat
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe Vector512<float> Load(byte* source)
    {
        var halves = Vector256.Load((ushort*)source);
        var (lower, upper) = Vector256.Widen(halves);
        return (Vector512.Create(lower, upper) << 16).AsSingle();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void Store(Vector512<float> values, byte* destination)
    {
        var bits = values.AsUInt32();
        var odd = (bits >>> 16) & Vector512.Create(1u);
        var rounded = (bits + Vector512.Create(0x7FFFu) + odd) >>> 16;
        Vector256.Narrow(rounded.GetLower(), rounded.GetUpper()).Store((ushort*)destination);
    }
}
