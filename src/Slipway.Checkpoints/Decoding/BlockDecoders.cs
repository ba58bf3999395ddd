using System.Buffers.Binary;

namespace Slipway.Checkpoints.Decoding;

// GGUF's blocks of 32: a half-precision scale, some a minimum too, and codes. Of the codes in a byte the lower halves
// are the block's first 16 elements and the upper halves the last 16.
internal static class BlockDecoders
{
    private const int Size = 32;

    public static void DecodeQ4_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[18..], destination = destination[Size..])
        {
            var scale = Half(source);
            for (var i = 0; i < Size / 2; i++)
            {
                destination[i] = ((source[2 + i] & 15) - 8) * scale;
                destination[i + 16] = ((source[2 + i] >> 4) - 8) * scale;
            }
        }
    }

    public static void DecodeQ4_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[20..], destination = destination[Size..])
        {
            var (scale, minimum) = (Half(source), Half(source[2..]));
            for (var i = 0; i < Size / 2; i++)
            {
                destination[i] = ((source[4 + i] & 15) * scale) + minimum;
                destination[i + 16] = ((source[4 + i] >> 4) * scale) + minimum;
            }
        }
    }

    public static void DecodeQ5_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[22..], destination = destination[Size..])
        {
            var scale = Half(source);
            var fifth = BinaryPrimitives.ReadUInt32LittleEndian(source[2..]);
            for (var i = 0; i < Size / 2; i++)
            {
                destination[i] = (Five(source[6 + i] & 15, fifth, i) - 16) * scale;
                destination[i + 16] = (Five(source[6 + i] >> 4, fifth, i + 16) - 16) * scale;
            }
        }
    }

    public static void DecodeQ5_1(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[24..], destination = destination[Size..])
        {
            var (scale, minimum) = (Half(source), Half(source[2..]));
            var fifth = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]);
            for (var i = 0; i < Size / 2; i++)
            {
                destination[i] = (Five(source[8 + i] & 15, fifth, i) * scale) + minimum;
                destination[i + 16] = (Five(source[8 + i] >> 4, fifth, i + 16) * scale) + minimum;
            }
        }
    }

    public static void DecodeQ8_0(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (; !destination.IsEmpty; source = source[34..], destination = destination[Size..])
        {
            var scale = Half(source);
            for (var i = 0; i < Size; i++)
            {
                destination[i] = (sbyte)source[2 + i] * scale;
            }
        }
    }

    public static float Half(ReadOnlySpan<byte> source) => (float)BinaryPrimitives.ReadHalfLittleEndian(source);

    private static int Five(int low, uint fifth, int index) => low | (int)(((fifth >> index) & 1) << 4);
}
