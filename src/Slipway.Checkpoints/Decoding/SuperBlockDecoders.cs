namespace Slipway.Checkpoints.Decoding;

// GGUF's K types: blocks of 256 in groups of 16 or 32, each with a small scale (and minimum) of its own, which a
// half-precision scale of the block multiplies.
internal static class SuperBlockDecoders
{
    private const int Size = 256;

    // scales[16] (low half: scale, high half: minimum), codes[64], scale, minimum.
    public static void DecodeQ2_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[84..], destination = destination[Size..])
        {
            var (scale, minimum) = (BlockDecoders.Half(source[80..]), BlockDecoders.Half(source[82..]));
            for (var i = 0; i < Size; i++)
            {
                var (half, within) = (i / 128, i % 128);
                var code = (source[16 + (32 * half) + (within % 32)] >> (2 * (within / 32))) & 3;
                var group = source[i / 16];
                destination[i] = (scale * (group & 15) * code) - (minimum * (group >> 4));
            }
        }
    }

    // high bits[32], codes[64], scales[12], scale.
    public static void DecodeQ3_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<int> scales = stackalloc int[16];
        for (; !destination.IsEmpty; source = source[110..], destination = destination[Size..])
        {
            var packed = source.Slice(96, 12);
            for (var group = 0; group < 16; group++)
            {
                var low = group < 8 ? packed[group] & 15 : packed[group - 8] >> 4;
                var high = (packed[8 + (group % 4)] >> (2 * (group / 4))) & 3;
                scales[group] = (low | (high << 4)) - 32;
            }

            var scale = BlockDecoders.Half(source[108..]);
            for (var i = 0; i < Size; i++)
            {
                var (half, within) = (i / 128, i % 128);
                var code = (source[32 + (32 * half) + (within % 32)] >> (2 * (within / 32))) & 3;
                var high = (source[within % 32] >> ((4 * half) + (within / 32))) & 1;
                destination[i] = scale * scales[i / 16] * (code - (high == 0 ? 4 : 0));
            }
        }
    }

    // scale, minimum, scales[12], codes[128].
    public static void DecodeQ4_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[144..], destination = destination[Size..])
        {
            var (scale, minimum) = (BlockDecoders.Half(source), BlockDecoders.Half(source[2..]));
            for (var group = 0; group < 8; group++)
            {
                var (own, least) = SixBits(source.Slice(4, 12), group);
                var codes = source.Slice(16 + (32 * (group / 2)), 32);
                for (var i = 0; i < 32; i++)
                {
                    var code = (codes[i] >> (4 * (group % 2))) & 15;
                    destination[(32 * group) + i] = (scale * own * code) - (minimum * least);
                }
            }
        }
    }

    // scale, minimum, scales[12], fifth bits[32], codes[128].
    public static void DecodeQ5_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[176..], destination = destination[Size..])
        {
            var (scale, minimum) = (BlockDecoders.Half(source), BlockDecoders.Half(source[2..]));
            for (var group = 0; group < 8; group++)
            {
                var (own, least) = SixBits(source.Slice(4, 12), group);
                var codes = source.Slice(48 + (32 * (group / 2)), 32);
                for (var i = 0; i < 32; i++)
                {
                    var code = ((codes[i] >> (4 * (group % 2))) & 15) | (((source[16 + i] >> group) & 1) << 4);
                    destination[(32 * group) + i] = (scale * own * code) - (minimum * least);
                }
            }
        }
    }

    // low bits[128], high bits[64], scales[16], scale.
    public static void DecodeQ6_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[210..], destination = destination[Size..])
        {
            var scale = BlockDecoders.Half(source[208..]);
            for (var i = 0; i < Size; i++)
            {
                var (half, within) = (i / 128, i % 128);
                var low = (source[(64 * half) + (within % 64)] >> (4 * (within / 64))) & 15;
                var high = (source[128 + (32 * half) + (within % 32)] >> (2 * (within / 32))) & 3;
                destination[i] = scale * (sbyte)source[192 + (i / 16)] * ((low | (high << 4)) - 32);
            }
        }
    }

    // Eight scales and eight minima of six bits each, in twelve bytes.
    private static (int Scale, int Minimum) SixBits(ReadOnlySpan<byte> packed, int group) => group < 4
        ? (packed[group] & 63, packed[group + 4] & 63)
        : ((packed[group + 4] & 15) | (packed[group - 4] >> 6 << 4),
            (packed[group + 4] >> 4) | (packed[group] >> 6 << 4));
}
