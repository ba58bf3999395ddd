namespace Slipway.Checkpoints.Decoding;

// GGUF's types of three values, -1, 0 and 1, with a half-precision scale at the end of 256.
internal static class TernaryDecoders
{
    private const int Size = SuperBlockDecoders.Size;

    // Five values a byte as the digits of a fraction in base 3: 48 bytes (32 and 16 side by side), then 4 with four.
    public static void DecodeTQ1_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[54..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source[52..]);
            WriteDigits(source[..32], 5, scale, destination);
            WriteDigits(source.Slice(32, 16), 5, scale, destination[160..]);
            WriteDigits(source.Slice(48, 4), 4, scale, destination[240..]);
        }
    }

    public static void DecodeTQ2_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[66..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source[64..]);
            for (var i = 0; i < Size; i++)
            {
                var code = source[(i / 128 * 32) + (i % 32)] >> (i % 128 / 32 * 2);
                destination[i] = ((code & 3) - 1) * scale;
            }
        }
    }

    private static void WriteDigits(ReadOnlySpan<byte> bytes, int digits, float scale, Span<float> destination)
    {
        for (int digit = 0, power = 1, i = 0; digit < digits; digit++, power *= 3)
        {
            foreach (var packed in bytes)
            {
                var fraction = (byte)(packed * power);
                destination[i++] = ((fraction * 3 >> 8) - 1) * scale;
            }
        }
    }
}
