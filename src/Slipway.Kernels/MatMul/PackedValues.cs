using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Slipway.Kernels.MatMul;

/// <summary>Reads the values of a tile: 16 outputs by 32 inputs, in lines of 64 bytes.</summary>
/// <remarks>
/// A vector holds four neighbouring inputs of each output, as the instructions that multiply bytes add them up. Step q
/// of four reads inputs 4q … 4q + 3 as the first of two vectors, and those 16 further as the second. Vectors of 256
/// bits hold eight outputs, those of 128 bits four. Instructions that add up in 16 bits take values in passes of four
/// bits.
/// </remarks>
internal unsafe interface IPackedValues
{
    /// <summary>Bits of a value.</summary>
    static abstract int Bits { get; }

    /// <summary>Passes over a tile; a pass's values count 16 times those of the pass before.</summary>
    static abstract int Passes { get; }

    /// <summary>Bytes of a tile.</summary>
    static abstract int TileBytes { get; }

    /// <summary>Four bits of each value.</summary>
    static abstract void Load(
        byte* tile, int pass, int q, out Vector512<byte> first, out Vector512<byte> second);

    /// <summary>The same of eight outputs.</summary>
    static abstract void Load(
        byte* tile, int pass, int q, out Vector256<byte> first, out Vector256<byte> second);

    /// <summary>The same of four outputs.</summary>
    static abstract void Load(
        byte* tile, int pass, int q, out Vector128<byte> first, out Vector128<byte> second);

    /// <summary>All bits of the values of eight outputs.</summary>
    static abstract void Load(byte* tile, int q, out Vector256<byte> first, out Vector256<byte> second);

    /// <summary>Puts the values of an output in its place of a group's tiles.</summary>
    /// <param name="row">The output's values in their order, the low half of a byte first.</param>
    /// <param name="tiles">The number of tiles.</param>
    /// <param name="target">The first tile, from the output's place on.</param>
    static abstract void Pack(byte* row, int tiles, uint* target);
}

/// <summary>Values of 4 bits.</summary>
/// <remarks>
/// <code>
///           output 0                        output 1          …  output 15
/// line q:   │ 4q │ 4q+1 │ 4q+2 │ 4q+3 │   │ 4q │ 4q+1 │ …            low halves of the bytes: inputs 4q …
///           │4q+16│4q+17│4q+18 │4q+19 │   │4q+16│ …                  high halves: inputs 4q + 16 …
/// </code>
/// </remarks>
internal readonly unsafe struct NibbleValues : IPackedValues
{
    public static int Bits => 4;

    public static int Passes => 1;

    public static int TileBytes => PackedMatrix.Group * PackedMatrix.Tile / 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector512<byte> first, out Vector512<byte> second)
    {
        var packed = Vector512.Load(tile + (64 * q));
        first = packed & Vector512.Create((byte)15);
        second = (packed.AsUInt16() >>> 4).AsByte() & Vector512.Create((byte)15);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector256<byte> first, out Vector256<byte> second)
        => Load(tile, q, out first, out second);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector128<byte> first, out Vector128<byte> second)
    {
        var packed = Vector128.Load(tile + (64 * q));
        first = packed & Vector128.Create((byte)15);
        second = packed >>> 4;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int q, out Vector256<byte> first, out Vector256<byte> second)
    {
        var packed = Vector256.Load(tile + (64 * q));
        first = packed & Vector256.Create((byte)15);
        second = (packed.AsUInt16() >>> 4).AsByte() & Vector256.Create((byte)15);
    }

    // 32 inputs are 16 bytes; four inputs are two of them, and go to the low or high halves of four.
    public static void Pack(byte* row, int tiles, uint* target)
    {
        var source = (uint*)row;
        for (var tile = 0; tile < tiles; tile++, source += 4, target += TileBytes / 4)
        {
            for (var q = 0; q < 4; q++)
            {
                // Inputs 4q .. 4q + 3 lie in half a word, inputs 4q + 16 .. in half of the word two further.
                var shift = 16 * (q & 1);
                var low = Spread(source[q / 2] >> shift);
                var high = Spread(source[(q / 2) + 2] >> shift);
                target[q * PackedMatrix.Group] = low | (high << 4);
            }
        }
    }

    // Four halves of bytes to four bytes.
    private static uint Spread(uint packed)
        => (packed & 0xF) | ((packed & 0xF0) << 4) | ((packed & 0xF00) << 8) | ((packed & 0xF000) << 12);
}

/// <summary>Values of 8 bits.</summary>
/// <remarks>
/// <code>
///           output 0                        output 1          …  output 15
/// line q:   │ 4q │ 4q+1 │ 4q+2 │ 4q+3 │   │ 4q │ 4q+1 │ …            q from 0 to 7
/// </code>
/// </remarks>
internal readonly unsafe struct ByteValues : IPackedValues
{
    private const int Half = 4 * 64;

    public static int Bits => 8;

    public static int Passes => 2;

    public static int TileBytes => PackedMatrix.Group * PackedMatrix.Tile;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector512<byte> first, out Vector512<byte> second)
    {
        var (shift, mask) = (4 * pass, Vector512.Create((byte)15));
        first = (Vector512.Load((ushort*)(tile + (64 * q))) >>> shift).AsByte() & mask;
        second = (Vector512.Load((ushort*)(tile + (64 * q) + Half)) >>> shift).AsByte() & mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector256<byte> first, out Vector256<byte> second)
    {
        var (shift, mask) = (4 * pass, Vector256.Create((byte)15));
        first = (Vector256.Load((ushort*)(tile + (64 * q))) >>> shift).AsByte() & mask;
        second = (Vector256.Load((ushort*)(tile + (64 * q) + Half)) >>> shift).AsByte() & mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int pass, int q, out Vector128<byte> first, out Vector128<byte> second)
    {
        var (shift, mask) = (4 * pass, Vector128.Create((byte)15));
        first = (Vector128.Load((ushort*)(tile + (64 * q))) >>> shift).AsByte() & mask;
        second = (Vector128.Load((ushort*)(tile + (64 * q) + Half)) >>> shift).AsByte() & mask;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Load(byte* tile, int q, out Vector256<byte> first, out Vector256<byte> second)
    {
        first = Vector256.Load(tile + (64 * q));
        second = Vector256.Load(tile + (64 * q) + Half);
    }

    public static void Pack(byte* row, int tiles, uint* target)
    {
        var source = (uint*)row;
        for (var line = 0; line < tiles * PackedMatrix.Tile / 4; line++)
        {
            target[line * PackedMatrix.Group] = source[line];
        }
    }
}
