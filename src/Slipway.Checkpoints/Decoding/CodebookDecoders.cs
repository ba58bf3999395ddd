using System.Buffers.Binary;
using Slipway.Checkpoints.Decoding.Codebooks;

namespace Slipway.Checkpoints.Decoding;

// GGUF's IQ2 and IQ3 types: 256 elements, 8 or 4 at a time an entry of a codebook with a sign for each element.
internal static class CodebookDecoders
{
    private const int Size = SuperBlockDecoders.Size;

    // Per 32: four entries of a byte; then 4 times 7 bits of signs and 4 bits of scale.
    public static void DecodeIQ2_XXS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[66..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var group = 0; group < 32; group++)
            {
                var packed = source.Slice(2 + (group / 4 * 8), 8);
                var signs = BinaryPrimitives.ReadUInt32LittleEndian(packed[4..]);
                Write(
                    Codebook.Iq2Xxs[packed[group % 4]], Codebook.Signs[(signs >> (group % 4 * 7)) & 127],
                    scale * (0.5f + (signs >> 28)) * 0.25f, destination[(group * 8)..]);
            }
        }
    }

    // Per 8: 9 bits of entry and 7 of signs; at the end 4 bits of scale per 16.
    public static void DecodeIQ2_XS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[74..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var group = 0; group < 32; group++)
            {
                var packed = BinaryPrimitives.ReadUInt16LittleEndian(source[(2 + (group * 2))..]);
                Write(
                    Codebook.Iq2Xs[packed & 511], Codebook.Signs[packed >> 9],
                    FourBitScale(scale, source.Slice(66, 8), group), destination[(group * 8)..]);
            }
        }
    }

    // Per 8: a byte of the entry's low bits, a byte of signs; then the entries' upper two bits, the scales.
    public static void DecodeIQ2_S(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[82..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var group = 0; group < 32; group++)
            {
                var upper = (source[66 + (group / 4)] >> (group % 4 * 2)) & 3;
                Write(
                    Codebook.Iq2S[source[2 + group] | (upper << 8)], source[34 + group],
                    FourBitScale(scale, source.Slice(74, 8), group), destination[(group * 8)..]);
            }
        }
    }

    // Per 4: an entry of a byte; then per 32 4 times 7 bits of signs and 4 bits of scale.
    public static void DecodeIQ3_XXS(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[98..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var group = 0; group < 32; group++)
            {
                var packed = BinaryPrimitives.ReadUInt32LittleEndian(source[(66 + (group / 4 * 4))..]);
                var signs = Codebook.Signs[(packed >> (group % 4 * 7)) & 127];
                var groupScale = scale * (0.5f + (packed >> 28)) * 0.5f;
                var target = destination[(group * 8)..];
                Write(Codebook.Iq3Xxs[source[2 + (group * 2)]], signs, groupScale, target);
                Write(Codebook.Iq3Xxs[source[3 + (group * 2)]], signs >> 4, groupScale, target[4..]);
            }
        }
    }

    // 64 bytes of the entries' low bits, 8 of their ninth bits, 32 of signs, 4 of scales.
    public static void DecodeIQ3_S(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[110..], destination = destination[Size..])
        {
            var scale = BlockDecoders.ReadHalf(source);
            for (var entry = 0; entry < 64; entry++)
            {
                var block = entry / 8;
                var ninth = (source[66 + block] >> (entry % 8)) & 1;
                var code = (source[106 + (block / 2)] >> (block % 2 * 4)) & 15;
                Write(
                    Codebook.Iq3S[source[2 + entry] | (ninth << 8)], source[74 + (entry / 2)] >> (entry % 2 * 4),
                    scale * (1 + (2 * code)), destination[(entry * 4)..]);
            }
        }
    }

    private static float FourBitScale(float scale, ReadOnlySpan<byte> scales, int group) =>
        scale * (0.5f + ((scales[group / 4] >> (group % 4 / 2 * 4)) & 15)) * 0.25f;

    private static void Write(ReadOnlySpan<sbyte> entry, int signs, float scale, Span<float> destination)
    {
        for (var i = 0; i < entry.Length; i++)
        {
            var value = scale * entry[i];
            destination[i] = ((signs >> i) & 1) == 0 ? value : -value;
        }
    }
}
