using System.Runtime.InteropServices;

namespace Slipway.Tokenization;

/// <summary>Keeps the ids of short pieces of text, as the same words come again and again.</summary>
/// <remarks>
/// Bounded: each piece has one slot, and a later one takes it over. Entries are immutable and exchanged whole, so that
/// threads need no lock.
/// </remarks>
internal sealed class PieceCache
{
    private const int SlotBits = 15, MaxLength = 64;
    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;

    private readonly Entry?[] _slots = new Entry?[1 << SlotBits];

    private sealed record Entry(string Piece, int[] Ids);

    /// <summary>The ids of a piece that was added; null where it is not here.</summary>
    /// <param name="piece">The piece.</param>
    /// <param name="slot">Where to add it; −1 for a piece that is too long.</param>
    public int[]? Find(ReadOnlySpan<char> piece, out int slot)
    {
        slot = piece.Length <= MaxLength ? SlotOf(piece) : -1;
        return slot >= 0 && _slots[slot] is { } entry && piece.SequenceEqual(entry.Piece) ? entry.Ids : null;
    }

    /// <summary>Adds a piece at the slot that <see cref="Find"/> gave.</summary>
    public void Add(int slot, ReadOnlySpan<char> piece, ReadOnlySpan<int> ids)
    {
        if (slot >= 0)
        {
            _slots[slot] = new Entry(piece.ToString(), ids.ToArray());
        }
    }

    private static int SlotOf(ReadOnlySpan<char> piece)
    {
        var rest = MemoryMarshal.AsBytes(piece);
        var hash = (ulong)rest.Length;
        for (; rest.Length >= sizeof(ulong); rest = rest[sizeof(ulong)..])
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(rest));
        }

        for (; rest.Length > 0; rest = rest[sizeof(char)..])
        {
            hash = Mix(hash ^ MemoryMarshal.Read<char>(rest));
        }

        return (int)((hash * Multiplier) >> (64 - SlotBits));
    }

    private static ulong Mix(ulong value)
    {
        value *= Multiplier;
        return value ^ (value >> 29);
    }
}
