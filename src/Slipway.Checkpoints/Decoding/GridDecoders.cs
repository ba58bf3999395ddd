using System.Buffers.Binary;

namespace Slipway.Checkpoints.Decoding;

// GGUF's 4-bit types whose codes name values of a fixed grid.
internal static class GridDecoders
{
    private static ReadOnlySpan<sbyte> Uneven =>
        [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    // Twice the values of E2M1.
    private static ReadOnlySpan<sbyte> DoubledE2M1 => [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

    public static void DecodeIQ4_NL(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[18..], destination = destination[32..])
        {
            LookUp(Uneven, source.Slice(2, 16), BlockDecoders.Half(source), destination);
        }
    }

    // scale, high bits of the scales[2], low bits of the scales[4], codes[128].
    public static void DecodeIQ4_XS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[136..], destination = destination[256..])
        {
            var scale = BlockDecoders.Half(source);
            var high = BinaryPrimitives.ReadUInt16LittleEndian(source[2..]);
            for (var group = 0; group < 8; group++)
            {
                var own = ((source[4 + (group / 2)] >> (4 * (group % 2))) & 15) | (((high >> (2 * group)) & 3) << 4);
                LookUp(Uneven, source.Slice(8 + (16 * group), 16), scale * (own - 32), destination[(32 * group)..]);
            }
        }
    }

    // exponent[1], codes[16].
    public static void DecodeMXFP4(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[17..], destination = destination[32..])
        {
            LookUp(DoubledE2M1, source.Slice(1, 16), MathF.ScaleB(1, source[0] - 128), destination);
        }
    }

    private static void LookUp(
        ReadOnlySpan<sbyte> grid, ReadOnlySpan<byte> codes, float scale, Span<float> destination)
    {
        for (var i = 0; i < 16; i++)
        {
            destination[i] = grid[codes[i] & 15] * scale;
            destination[i + 16] = grid[codes[i] >> 4] * scale;
        }
    }
}
