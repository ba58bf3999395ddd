namespace Slipway.Checkpoints.Decoding;

// GGUF's types of the values -1, 0 and 1.
internal static class TernaryDecoders
{
    private const int Size = 256;

    private static ReadOnlySpan<byte> Powers => [1, 3, 9, 27, 81];

    // codes[48] of five elements a byte, codes[4] of four, scale. A byte is the fraction of 243 that its digits make.
    public static void DecodeTQ1_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[54..], destination = destination[Size..])
        {
            var scale = BlockDecoders.Half(source[52..]);
            Digits(source[..32], 5, scale, destination);
            Digits(source.Slice(32, 16), 5, scale, destination[160..]);
            Digits(source.Slice(48, 4), 4, scale, destination[240..]);
        }
    }

    // codes[64], scale.
    public static void DecodeTQ2_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[66..], destination = destination[Size..])
        {
            var scale = BlockDecoders.Half(source[64..]);
            for (var i = 0; i < Size; i++)
            {
                var (half, within) = (i / 128, i % 128);
                destination[i] = (((source[(32 * half) + (within % 32)] >> (2 * (within / 32))) & 3) - 1) * scale;
            }
        }
    }

    // Digit by digit, each over all bytes.
    private static void Digits(ReadOnlySpan<byte> codes, int digits, float scale, Span<float> destination)
    {
        for (var digit = 0; digit < digits; digit++)
        {
            for (var i = 0; i < codes.Length; i++)
            {
                var shifted = (byte)(codes[i] * Powers[digit]);
                destination[(digit * codes.Length) + i] = (((shifted * 3) >> 8) - 1) * scale;
            }
        }
    }
}
