using System.Numerics;
using System.Runtime.CompilerServices;

namespace Slipway.Tokenization.Models;

/// <summary>The merges of a byte-pair encoding: two neighbouring tokens → rank and merged token.</summary>
/// <remarks>Open addressing with linear probing over two flat arrays, at most half full.</remarks>
internal sealed class MergeTable
{
    /// <summary>The entry of two tokens that do not merge; greater than every other.</summary>
    public const ulong None = ulong.MaxValue;

    private const ulong Multiplier = 0x9E37_79B9_7F4A_7C15;
    private const int SmallestCapacity = 16;

    // A key is both ids, and 1 more so that 0 marks what is free; a value is the rank and, below it, the merged token.
    private ulong[] _keys = new ulong[SmallestCapacity], _values = new ulong[SmallestCapacity];
    private int _count, _shift = 64 - BitOperations.Log2(SmallestCapacity);

    // The token that the merges of a rank make; −1 where there are none.
    private int[] _tokens = [];

    /// <summary>The highest rank + 1.</summary>
    public int RankCount { get; private set; }

    /// <summary>Tells whether all merges of a rank make the same token, as all but some SentencePiece models
    /// have it.</summary>
    public bool RanksAreTokens { get; private set; } = true;

    /// <summary>The rank of an entry, lower ones merge first.</summary>
    public static int RankOf(ulong entry) => (int)(entry >> 32);

    /// <summary>The token that an entry merges to.</summary>
    public static int IdOf(ulong entry) => (int)entry;

    /// <summary>Adds a merge; the first of two tokens' merges stays.</summary>
    public void TryAdd(int left, int right, int rank, int id)
    {
        if (++_count > _keys.Length / 2)
        {
            Grow();
        }

        Insert(Key(left, right), ((ulong)rank << 32) | (uint)id);
        AddRank(rank, id);
    }

    /// <summary>The entry of two neighbours, or <see cref="None"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Find(int left, int right)
    {
        var keys = _keys;
        var key = Key(left, right);
        for (var slot = (int)((key * Multiplier) >> _shift); ; slot = (slot + 1) & (keys.Length - 1))
        {
            var found = keys[slot];
            if (found == key)
            {
                return _values[slot];
            }

            if (found == 0)
            {
                return None;
            }
        }
    }

    private void AddRank(int rank, int id)
    {
        RankCount = Math.Max(RankCount, rank + 1);
        if (rank >= _tokens.Length)
        {
            var known = _tokens.Length;
            Array.Resize(ref _tokens, Math.Max(rank + 1, 2 * known));
            _tokens.AsSpan(known).Fill(-1);
        }

        RanksAreTokens &= _tokens[rank] == -1 || _tokens[rank] == id;
        _tokens[rank] = id;
    }

    private static ulong Key(int left, int right) => (((ulong)left << 32) | (uint)right) + 1;

    private void Insert(ulong key, ulong value)
    {
        var slot = (int)((key * Multiplier) >> _shift);
        while (_keys[slot] != 0 && _keys[slot] != key)
        {
            slot = (slot + 1) & (_keys.Length - 1);
        }

        if (_keys[slot] == 0)
        {
            (_keys[slot], _values[slot]) = (key, value);
        }
    }

    private void Grow()
    {
        var (keys, values) = (_keys, _values);
        (_keys, _values) = (new ulong[keys.Length * 2], new ulong[keys.Length * 2]);
        _shift--;
        for (var slot = 0; slot < keys.Length; slot++)
        {
            if (keys[slot] != 0)
            {
                Insert(keys[slot], values[slot]);
            }
        }
    }
}
