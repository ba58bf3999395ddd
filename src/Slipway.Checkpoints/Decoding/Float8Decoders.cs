namespace Slipway.Checkpoints.Decoding;

// OCP 8-bit floating point (OFP8): 256 values each, so a look-up is exact and quick.
internal static class Float8Decoders
{
    private static readonly float[] E4M3 = BuildE4M3();
    private static readonly float[] E5M2 = BuildE5M2();
    private static readonly float[] E8M0 = BuildE8M0();

    public static void DecodeE4M3(ReadOnlySpan<byte> source, Span<float> destination) =>
        LookUp(E4M3, source, destination);

    public static void DecodeE5M2(ReadOnlySpan<byte> source, Span<float> destination) =>
        LookUp(E5M2, source, destination);

    public static void DecodeE8M0(ReadOnlySpan<byte> source, Span<float> destination) =>
        LookUp(E8M0, source, destination);

    private static void LookUp(float[] table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = table[source[i]];
        }
    }

    private static float[] BuildE4M3()
    {
        var table = new float[256];
        for (var code = 0; code < 256; code++)
        {
            var exponent = (code >> 3) & 0xF;
            var mantissa = code & 7;
            var magnitude = exponent == 0
                ? MathF.ScaleB(mantissa, -9)
                : MathF.ScaleB(8 + mantissa, exponent - 10);
            magnitude = (code & 0x7F) == 0x7F ? float.NaN : magnitude;
            table[code] = code < 128 ? magnitude : -magnitude;
        }

        return table;
    }

    // Powers of two from 2^-127 on.
    private static float[] BuildE8M0() =>
        [.. Enumerable.Range(0, 256).Select(code => code == 255 ? float.NaN : MathF.ScaleB(1, code - 127))];

    // The upper byte of a half-precision number.
    private static float[] BuildE5M2() =>
        [.. Enumerable.Range(0, 256).Select(code => (float)BitConverter.UInt16BitsToHalf((ushort)(code << 8)))];
}
