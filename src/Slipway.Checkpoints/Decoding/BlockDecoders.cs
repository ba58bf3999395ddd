using System.Buffers.Binary;

namespace Slipway.Checkpoints.Decoding;

// GGUF's plain blocks of 32: the scale, where there is one the minimum, where there are 5 bits the fifth ones, then the
// codes. A byte of 4-bit codes holds element i low and element i + 16 high.
internal static class BlockDecoders
{
    private const int Size = 32;
    private const int Half = Size / 2;

    public static void DecodeQ4_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[18..], destination = destination[Size..])
        {
            var scale = ReadHalf(source);
            var codes = source.Slice(2, Half);
            for (var i = 0; i < Half; i++)
            {
                destination[i] = ((codes[i] & 15) - 8) * scale;
                destination[i + Half] = ((codes[i] >> 4) - 8) * scale;
            }
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[20..], destination = destination[Size..])
        {
            var (scale, minimum) = (ReadHalf(source), ReadHalf(source[2..]));
            var codes = source.Slice(4, Half);
            for (var i = 0; i < Half; i++)
            {
                destination[i] = ((codes[i] & 15) * scale) + minimum;
                destination[i + Half] = ((codes[i] >> 4) * scale) + minimum;
            }
        }
    }

    public static void DecodeQ5_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[22..], destination = destination[Size..])
        {
            var scale = ReadHalf(source);
            var fifth = BinaryPrimitives.ReadUInt32LittleEndian(source[2..]);
            var codes = source.Slice(6, Half);
            for (var i = 0; i < Half; i++)
            {
                destination[i] = (((codes[i] & 15) | ((int)(fifth >> i) & 1) << 4) - 16) * scale;
                destination[i + Half] = (((codes[i] >> 4) | ((int)(fifth >> (i + Half)) & 1) << 4) - 16) * scale;
            }
        }
    }

    public static void DecodeQ5_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[24..], destination = destination[Size..])
        {
            var (scale, minimum) = (ReadHalf(source), ReadHalf(source[2..]));
            var fifth = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]);
            var codes = source.Slice(8, Half);
            for (var i = 0; i < Half; i++)
            {
                destination[i] = (((codes[i] & 15) | ((int)(fifth >> i) & 1) << 4) * scale) + minimum;
                destination[i + Half] =
                    (((codes[i] >> 4) | ((int)(fifth >> (i + Half)) & 1) << 4) * scale) + minimum;
            }
        }
    }

    public static void DecodeQ8_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; destination.Length > 0; source = source[34..], destination = destination[Size..])
        {
            var scale = ReadHalf(source);
            var codes = source.Slice(2, Size);
            for (var i = 0; i < Size; i++)
            {
                destination[i] = (sbyte)codes[i] * scale;
            }
        }
    }

    public static float ReadHalf(ReadOnlySpan<byte> source) => (float)BinaryPrimitives.ReadHalfLittleEndian(source);
}
