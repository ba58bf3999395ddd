namespace Slipway.Checkpoints.Decoding;

// Rounds float32 to 16 bits: to nearest, ties to even.
internal static class HalfEncoders
{
    public static void Encode(TensorType type, ReadOnlySpan<float> source, Span<ushort> destination)
    {
        for (var i = 0; i < source.Length; i++)
        {
            destination[i] = type == TensorType.F16
                ? BitConverter.HalfToUInt16Bits((Half)source[i])
                : ToBFloat16(source[i]);
        }
    }

    private static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value)
            ? (ushort)((bits >> 16) | 0x40)
            : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }
}
