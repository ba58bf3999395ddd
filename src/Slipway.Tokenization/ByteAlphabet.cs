using System.Runtime.InteropServices;
using System.Text;

namespace Slipway.Tokenization;

/// <summary>The 256 printable characters by which byte-level tokenizers write bytes in their vocabulary.</summary>
/// <remarks>Printable Latin-1 characters stand for themselves; the other bytes, in order, for U+0100 and up.</remarks>
internal static class ByteAlphabet
{
    private static readonly char[] ToChar = new char[256];
    private static readonly short[] ToByte = new short[256 + 68];

    static ByteAlphabet()
    {
        Array.Fill(ToByte, (short)-1);
        var next = 256;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE and <= 0xFF;
            ToChar[value] = (char)(printable ? value : next++);
            ToByte[ToChar[value]] = (short)value;
        }
    }

    public static char CharOf(byte value) => ToChar[value];

    /// <summary>The byte of a character, or −1 where the alphabet lacks it.</summary>
    public static int ByteOf(char character) => character < ToByte.Length ? ToByte[character] : -1;

    /// <summary>Bytes, each written as its character.</summary>
    public static string Write(ReadOnlySpan<byte> bytes)
    {
        var characters = new char[bytes.Length];
        for (var i = 0; i < bytes.Length; i++)
        {
            characters[i] = ToChar[bytes[i]];
        }

        return new string(characters);
    }

    /// <summary>The UTF-8 bytes of a text, each written as its character.</summary>
    public static string Encode(ReadOnlySpan<char> text)
    {
        var characters = new char[Encoding.UTF8.GetByteCount(text)];
        Encode(text, characters);
        return new string(characters);
    }

    /// <summary>Writes the UTF-8 bytes of a text, each as its character.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="destination">Receives the characters; three for each unit of the text are enough.</param>
    /// <returns>The number of characters.</returns>
    public static int Encode(ReadOnlySpan<char> text, Span<char> destination)
    {
        // The bytes go to the end of the same memory, ahead of the characters that replace them.
        var bytes = MemoryMarshal.AsBytes(destination)[destination.Length..];
        var count = Encoding.UTF8.GetBytes(text, bytes);
        for (var i = 0; i < count; i++)
        {
            destination[i] = ToChar[bytes[i]];
        }

        return count;
    }

    /// <summary>The bytes that a token stands for; its own UTF-8 where it holds other characters.</summary>
    public static byte[] Decode(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            var value = ByteOf(token[i]);
            if (value < 0)
            {
                return Encoding.UTF8.GetBytes(token);
            }

            bytes[i] = (byte)value;
        }

        return bytes;
    }
}
