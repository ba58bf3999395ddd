using System.Runtime.InteropServices;

namespace Slipway.Checkpoints.Decoding;

internal static class PlainDecoders
{
    public static void DecodeF32(ReadOnlySpan<byte> source, Span<float> destination) =>
        source.CopyTo(MemoryMarshal.AsBytes(destination));

    public static void DecodeF64(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, double>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = (float)values[i];
        }
    }

    public static void DecodeI64(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, long>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeU64(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, ulong>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeI32(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, int>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeU32(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, uint>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeI16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, short>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeU16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        var values = MemoryMarshal.Cast<byte, ushort>(source);
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = values[i];
        }
    }

    public static void DecodeI8(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = (sbyte)source[i];
        }
    }

    public static void DecodeU8(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = source[i];
        }
    }

    public static void DecodeBool(ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (var i = 0; i < destination.Length; i++)
        {
            destination[i] = source[i] == 0 ? 0 : 1;
        }
    }
}
