namespace Slipway.Checkpoints.Decoding;

// GGUF's K types: 256 elements share half-precision numbers that scale the scales of 8 or 16 smaller blocks.
internal static class SuperBlockDecoders
{
    public const int Size = 256;

    // 16 bytes of scale (low) and minimum (high), 64 bytes of codes, the two factors.
    public static void DecodeQ2_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[84..], destination = destination[Size..])
        {
            float scale = BlockDecoders.ReadHalf(source[80..]), minimum = BlockDecoders.ReadHalf(source[82..]);
            for (var block = 0; block < 16; block++)
            {
                var codes = TwoBits(source.Slice(16, 64), block);
                var shift = block / 2 % 4 * 2;
                var blockScale = scale * (source[block] & 15);
                var blockMinimum = minimum * (source[block] >> 4);
                for (var i = 0; i < 16; i++)
                {
                    destination[(block * 16) + i] = (blockScale * ((codes[i] >> shift) & 3)) - blockMinimum;
                }
            }
        }
    }

    // 32 bytes of third bits, 64 of codes, 12 of 6-bit scales, the factor.
    public static void DecodeQ3_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[110..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source[108..]);
            var scales = source.Slice(96, 12);
            for (var block = 0; block < 16; block++)
            {
                var codes = TwoBits(source.Slice(32, 64), block);
                var shift = block / 2 % 4 * 2;
                var third = source.Slice(block % 2 * 16, 16);
                var low = (scales[block % 8] >> (block / 8 * 4)) & 15;
                var high = (scales[8 + (block % 4)] >> (block / 4 * 2)) & 3;
                var blockScale = scale * ((low | (high << 4)) - 32);
                for (var i = 0; i < 16; i++)
                {
                    var lifted = (third[i] >> (block / 2)) & 1;
                    destination[(block * 16) + i] = blockScale * (((codes[i] >> shift) & 3) - (lifted == 1 ? 0 : 4));
                }
            }
        }
    }

    // The two factors, 12 bytes of 6-bit scales and minima, 128 of codes.
    public static void DecodeQ4_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[144..], destination = destination[Size..])
        {
            for (var block = 0; block < 8; block++)
            {
                var (blockScale, blockMinimum) = SixBits(source, block);
                var codes = source.Slice(16 + (block / 2 * 32), 32);
                var shift = block % 2 * 4;
                for (var i = 0; i < 32; i++)
                {
                    destination[(block * 32) + i] = (blockScale * ((codes[i] >> shift) & 15)) - blockMinimum;
                }
            }
        }
    }

    // As Q4_K, with 32 bytes of fifth bits before the codes.
    public static void DecodeQ5_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[176..], destination = destination[Size..])
        {
            var fifth = source.Slice(16, 32);
            for (var block = 0; block < 8; block++)
            {
                var (blockScale, blockMinimum) = SixBits(source, block);
                var codes = source.Slice(48 + (block / 2 * 32), 32);
                var shift = block % 2 * 4;
                for (var i = 0; i < 32; i++)
                {
                    var code = ((codes[i] >> shift) & 15) | (((fifth[i] >> block) & 1) << 4);
                    destination[(block * 32) + i] = (blockScale * code) - blockMinimum;
                }
            }
        }
    }

    // 128 bytes of low bits, 64 of the upper two, 16 signed scales, the factor.
    public static void DecodeQ6_K(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[210..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source[208..]);
            for (var i = 0; i < Size; i++)
            {
                var (half, rest) = Math.DivRem(i, 128);
                var (quarter, offset) = Math.DivRem(rest, 32);
                var low = source[(half * 64) + (quarter % 2 * 32) + offset] >> (quarter / 2 * 4);
                var high = source[128 + (half * 32) + offset] >> (quarter * 2);
                var code = ((low & 15) | ((high & 3) << 4)) - 32;
                destination[i] = scale * (sbyte)source[192 + (i / 16)] * code;
            }
        }
    }

    // The 16 bytes that hold a block's 2-bit codes; they lie 2 bits further up with every second block.
    private static ReadOnlySpan<byte> TwoBits(ReadOnlySpan<byte> codes, int block) =>
        codes.Slice((block / 8 * 32) + (block % 2 * 16), 16);

    // 8 scales and 8 minima: four bytes of scales, four of minima, four of the later ones' low bits; the upper two bits
    // of the first eight bytes belong to the later ones.
    // A block's scale and what is taken off.
    public static (float Scale, float Minimum) SixBits(ReadOnlySpan<byte> source, int block)
    {
        var packed = source.Slice(4, 12);
        var (scale, minimum) = block < 4
            ? (packed[block] & 63, packed[block + 4] & 63)
            : ((packed[block + 4] & 15) | (packed[block - 4] >> 6 << 4),
               (packed[block + 4] >> 4) | (packed[block] >> 6 << 4));
        return (BlockDecoders.ReadHalf(source) * scale, BlockDecoders.ReadHalf(source[2..]) * minimum);
    }
}
