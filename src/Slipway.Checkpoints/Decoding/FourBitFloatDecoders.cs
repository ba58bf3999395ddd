namespace Slipway.Checkpoints.Decoding;

// 4-bit types whose codes stand for unevenly spaced values. A byte holds element i of a block low and the one half a
// block on high.
internal static class FourBitFloatDecoders
{
    private static readonly sbyte[] NonLinear =
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    // Twice the values of E2M1.
    private static readonly sbyte[] E2M1 = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    public static void DecodeIQ4_NL(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[18..], destination = destination[32..])
        {
            WriteBlock(source.Slice(2, 16), NonLinear, BlockDecoders.ReadHalf(source), destination);
        }
    }

    // The factor, 2 bytes of the scales' upper two bits, 4 of their lower four, the codes.
    public static void DecodeIQ4_XS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[136..], destination = destination[256..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            var upper = source[2] | (source[3] << 8);
            for (var block = 0; block < 8; block++)
            {
                var low = (source[4 + (block / 2)] >> (block % 2 * 4)) & 15;
                var blockScale = scale * ((low | (((upper >> (block * 2)) & 3) << 4)) - 32);
                WriteBlock(source.Slice(8 + (block * 16), 16), NonLinear, blockScale, destination[(block * 32)..]);
            }
        }
    }

    // The scale is a power of two: the exponent of a float32.
    public static void DecodeMXFP4(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[17..], destination = destination[32..])
        {
            var scale = source[0] < 2
                ? BitConverter.UInt32BitsToSingle(0x0020_0000u << source[0])
                : BitConverter.UInt32BitsToSingle((uint)(source[0] - 1) << 23);
            WriteBlock(source.Slice(1, 16), E2M1, scale, destination);
        }
    }

    // Four blocks of 16, each with a scale of 4 exponent and 3 mantissa bits whose sign bit does not count.
    public static void DecodeNVFP4(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[36..], destination = destination[64..])
        {
            for (var block = 0; block < 4; block++)
            {
                var scale = DecodeUnsignedE4M3(source[block]) * 0.5f;
                WriteBlock(source.Slice(4 + (block * 8), 8), E2M1, scale, destination[(block * 16)..]);
            }
        }
    }

    private static float DecodeUnsignedE4M3(byte code)
    {
        var (exponent, mantissa) = ((code >> 3) & 15, code & 7);
        return code == 0x7F ? 0
            : exponent == 0 ? MathF.ScaleB(mantissa, -9)
            : MathF.ScaleB(1 + (mantissa / 8f), exponent - 7);
    }

    private static void WriteBlock(ReadOnlySpan<byte> codes, sbyte[] values, float scale, Span<float> destination)
    {
        for (var i = 0; i < codes.Length; i++)
        {
            destination[i] = values[codes[i] & 15] * scale;
            destination[i + codes.Length] = values[codes[i] >> 4] * scale;
        }
    }
}
