using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slipway.Checkpoints.Decoding;

internal static class HalfDecoders
{
    private const uint InfinityBits = 0x7F80_0000;

    public static void DecodeBF16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, ushort>(source);
        var bits = MemoryMarshal.Cast<float, uint>(destination);
        var i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(values.Slice(i, Vector256<ushort>.Count)));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector256<uint>.Count)..]);
        }

        for (; i < values.Length; i++)
        {
            bits[i] = (uint)values[i] << 16;
        }
    }

    public static void DecodeF16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, ushort>(source);
        var i = 0;
        for (; i <= values.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(values.Slice(i, Vector256<ushort>.Count)));
            WidenHalf(low).CopyTo(destination[i..]);
            WidenHalf(high).CopyTo(destination[(i + Vector256<uint>.Count)..]);
        }

        for (; i < values.Length; i++)
        {
            destination[i] = (float)BitConverter.UInt16BitsToHalf(values[i]);
        }
    }

    // The half's exponent and mantissa, moved to a float's place, are too small by 2^112; the product is exact, also
    // for subnormal halves. Infinities and NaN get the float's largest exponent instead.
    private static Vector256<float> WidenHalf(Vector256<uint> half)
    {
        var sign = (half & Vector256.Create(0x8000u)) << 16;
        var magnitude = (half & Vector256.Create(0x7FFFu)) << 13;
        var scaled = (magnitude.AsSingle() * BitConverter.UInt32BitsToSingle(0x7780_0000)).AsUInt32();
        var special = magnitude | Vector256.Create(InfinityBits);
        var isSpecial = Vector256.GreaterThanOrEqual(magnitude, Vector256.Create(0x7C00u << 13));
        return (Vector256.ConditionalSelect(isSpecial, special, scaled) | sign).AsSingle();
    }
}
