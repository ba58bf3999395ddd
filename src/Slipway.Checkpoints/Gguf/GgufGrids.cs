using System.Buffers.Binary;
using Slipway.Checkpoints.Decoding;

namespace Slipway.Checkpoints.Gguf;

// Splits whole blocks into codes, one a byte, and a scale and a zero point for each group.
internal delegate void SplitBlocks(
    ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints);

// A type whose elements lie on grids that hold in four or eight bits what the type holds.
internal sealed record GgufGrid(int Bits, bool HasMinima, SplitBlocks Split)
{
    public const int GroupSize = 32;

    // One row a type.
    public static IReadOnlyDictionary<TensorType, GgufGrid> All { get; } = new Dictionary<TensorType, GgufGrid>
    {
        [TensorType.Q4_0] = new(4, HasMinima: false, SplitQ4_0),
        [TensorType.Q4_1] = new(4, HasMinima: true, SplitQ4_1),
        [TensorType.Q4_K] = new(4, HasMinima: true, SplitQ4_K),
        [TensorType.Q5_0] = new(8, HasMinima: false, SplitQ5_0),
        [TensorType.Q8_0] = new(8, HasMinima: false, SplitQ8_0),
    };

    private static void SplitQ4_0(
        ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        for (var block = 0; block < scales.Length; block++, source = source[18..])
        {
            (scales[block], zeroPoints[block]) = (BlockDecoders.ReadHalf(source), 8);
            SplitHalves(source.Slice(2, 16), codes.Slice(block * GroupSize, GroupSize));
        }
    }

    private static void SplitQ4_1(
        ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        for (var block = 0; block < scales.Length; block++, source = source[20..])
        {
            var own = codes.Slice(block * GroupSize, GroupSize);
            SplitHalves(source.Slice(4, 16), own);
            (scales[block], zeroPoints[block]) = ZeroPoint(
                BlockDecoders.ReadHalf(source), BlockDecoders.ReadHalf(source[2..]), own);
        }
    }

    private static void SplitQ4_K(
        ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        for (var block = 0; block < scales.Length; block++)
        {
            var whole = source[(block / 8 * 144)..];
            var (scale, minimum) = SuperBlockDecoders.SixBits(whole, block % 8);
            var packed = whole.Slice(16 + (block % 8 / 2 * 32), 32);
            var own = codes.Slice(block * GroupSize, GroupSize);
            for (var i = 0; i < own.Length; i++)
            {
                own[i] = (byte)((packed[i] >> (block % 2 * 4)) & 15);
            }

            (scales[block], zeroPoints[block]) = ZeroPoint(scale, -minimum, own);
        }
    }

    // Codes of -16 to 15 are as exact around the middle of eight bits.
    private static void SplitQ5_0(
        ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        for (var block = 0; block < scales.Length; block++, source = source[22..])
        {
            var own = codes.Slice(block * GroupSize, GroupSize);
            SplitHalves(source.Slice(6, 16), own);
            var fifth = BinaryPrimitives.ReadUInt32LittleEndian(source[2..]);
            for (var i = 0; i < own.Length; i++)
            {
                own[i] = (byte)((own[i] | (((fifth >> i) & 1) << 4)) + 112);
            }

            (scales[block], zeroPoints[block]) = (BlockDecoders.ReadHalf(source), 128);
        }
    }

    private static void SplitQ8_0(
        ReadOnlySpan<byte> source, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        for (var block = 0; block < scales.Length; block++, source = source[34..])
        {
            (scales[block], zeroPoints[block]) = (BlockDecoders.ReadHalf(source), 128);
            for (var i = 0; i < GroupSize; i++)
            {
                codes[(block * GroupSize) + i] = (byte)(source[2 + i] ^ 0x80);
            }
        }
    }

    private static void SplitHalves(ReadOnlySpan<byte> packed, Span<byte> codes)
    {
        for (var i = 0; i < packed.Length; i++)
        {
            (codes[i], codes[i + packed.Length]) = ((byte)(packed[i] & 15), (byte)(packed[i] >> 4));
        }
    }

    // code * scale + minimum as (code - zero point) * scale. Without a scale all elements are the minimum.
    private static (float Scale, float ZeroPoint) ZeroPoint(float scale, float minimum, Span<byte> codes)
    {
        if (scale != 0 || minimum == 0)
        {
            return (scale, minimum == 0 ? 0 : -minimum / scale);
        }

        codes.Clear();
        return (-minimum, 1);
    }
}
