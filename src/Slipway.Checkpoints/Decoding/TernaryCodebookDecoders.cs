using System.Buffers.Binary;
using Slipway.Checkpoints.Decoding.Codebooks;

namespace Slipway.Checkpoints.Decoding;

// GGUF's IQ1 types: 256 elements, 8 at a time an entry of -1, 0 and 1, moved up or down by an eighth, scaled.
internal static class TernaryCodebookDecoders
{
    private const int Size = SuperBlockDecoders.Size;
    private const float Shift = 0.125f;

    // The factor, 32 bytes of the entries' low bits, per 32: 4 times 3 upper bits, 3 bits of scale, the shift's sign.
    public static void DecodeIQ1_S(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[50..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var group = 0; group < 32; group++)
            {
                int packed = BinaryPrimitives.ReadUInt16LittleEndian(source[(34 + (group / 4 * 2))..]);
                var upper = (packed >> (group % 4 * 3)) & 7;
                Write(
                    source[2 + group] | (upper << 8), (packed & 0x8000) != 0,
                    scale * ((2 * ((packed >> 12) & 7)) + 1), destination[(group * 8)..]);
            }
        }
    }

    // 32 bytes of the entries' low bits; 4 bits per entry: 3 upper ones and the shift's sign; four 16-bit words, each
    // with 3 bits of scale per 16 elements and 4 bits of the factor.
    public static void DecodeIQ1_M(ReadOnlySpan<byte> source, Span<float> destination)
    {
        Span<int> words = stackalloc int[4];
        for (; destination.Length > 0; source = source[56..], destination = destination[Size..])
        {
            var bits = 0;
            for (var i = 0; i < words.Length; i++)
            {
                words[i] = BinaryPrimitives.ReadUInt16LittleEndian(source[(48 + (i * 2))..]);
                bits |= words[i] >> 12 << (i * 4);
            }

            var scale = (float)BitConverter.UInt16BitsToHalf((ushort)bits);
            for (var group = 0; group < 32; group++)
            {
                var nibble = source[32 + (group / 2)] >> (group % 2 * 4);
                var code = (words[group / 8] >> (group % 8 / 2 * 3)) & 7;
                Write(
                    source[group] | ((nibble & 7) << 8), (nibble & 8) != 0, scale * ((2 * code) + 1),
                    destination[(group * 8)..]);
            }
        }
    }

    private static void Write(int entry, bool isDown, float scale, Span<float> destination)
    {
        var shift = isDown ? -Shift : Shift;
        var values = Codebook.Iq1S[entry];
        for (var i = 0; i < values.Length; i++)
        {
            destination[i] = scale * (values[i] + shift);
        }
    }
}
