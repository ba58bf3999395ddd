using System.Buffers;

namespace Slipway.Tokenization.Models;

/// <summary>Merges very long rows of tokens in time that grows with their length alone.</summary>
/// <remarks>
/// Places wait in lists, one a rank, and the lowest rank's list is worked off from left to right; a heap holds the
/// ranks whose lists are not empty, which are as many as the tokenizer has at most. A merge may make a pair of a lower
/// rank, which then interrupts the list. Nothing joins a list while it is worked off: where a rank stands for one
/// token, all that its merges and their interruptions make contains that token, and is no part of it
/// (<see cref="MergeTable.RanksAreTokens"/>).
/// </remarks>
internal ref struct RankedMerging
{
    private readonly Span<int> _symbols, _next, _previous;
    private readonly Span<ulong> _entries;
    private readonly MergeTable _merges;

    // Lists of places by rank: the newest place of each, and the one before each; 0 ends a list: places count from 1.
    private readonly Span<int> _newest, _places, _older;
    private int _placeCount;

    // Lists at work, the lowest rank on top, and the ranks that wait.
    private readonly Span<int> _taken;
    private readonly Stack<(int Rank, int At, int End)> _lists = new();
    private readonly PriorityQueue<int, int> _ranks = new();

    private RankedMerging(Span<int> symbols, MergeTable merges, Span<int> memory, Span<ulong> entries)
    {
        var count = symbols.Length;
        _symbols = symbols;
        _merges = merges;
        _entries = entries[..count];
        _next = memory[..count];
        _previous = memory[count..(2 * count)];
        _places = memory[(2 * count)..(5 * count)];
        _older = memory[(5 * count)..(8 * count)];
        _taken = memory[(8 * count)..(11 * count)];
        _newest = memory.Slice(11 * count, merges.RankCount);
        _newest.Clear();
    }

    /// <summary>Merges a row in place; tokens that are gone are −1.</summary>
    public static void Merge(Span<int> symbols, MergeTable merges)
    {
        // A row of n tokens has n − 1 pairs, and each of as many merges makes two new ones.
        var memory = ArrayPool<int>.Shared.Rent((11 * symbols.Length) + merges.RankCount);
        var entries = ArrayPool<ulong>.Shared.Rent(symbols.Length);
        try
        {
            new RankedMerging(symbols, merges, memory, entries).Run();
        }
        finally
        {
            ArrayPool<int>.Shared.Return(memory);
            ArrayPool<ulong>.Shared.Return(entries);
        }
    }

    private void Run()
    {
        for (var i = _symbols.Length - 1; i >= 0; i--)
        {
            (_previous[i], _next[i]) = (i - 1, i + 1);
            Look(i);
        }

        while (true)
        {
            var hasList = _lists.TryPeek(out var list);
            if (_ranks.TryPeek(out var rank, out _) && (!hasList || rank < list.Rank))
            {
                _ranks.Dequeue();
                _lists.Push(Take(rank, hasList ? list.End : 0));
                continue;
            }

            if (!hasList)
            {
                return;
            }

            _lists.Pop();
            var at = list.At;
            while (at < list.End && !(_ranks.TryPeek(out rank, out _) && rank < list.Rank))
            {
                Apply(_taken[at++], list.Rank);
            }

            if (at < list.End)
            {
                _lists.Push((list.Rank, at, list.End));
            }
        }
    }

    // Copies a rank's places in order behind those of the lists at work.
    private readonly (int Rank, int At, int End) Take(int rank, int start)
    {
        var end = start;
        for (var place = _newest[rank]; place != 0; place = _older[place - 1])
        {
            _taken[end++] = _places[place - 1];
        }

        _newest[rank] = 0;
        var places = _taken[start..end];
        if (places.Length > 1 && places[0] > places[^1])
        {
            places.Reverse();
        }

        for (var i = 1; i < places.Length; i++)
        {
            if (places[i] < places[i - 1])
            {
                places.Sort();
                break;
            }
        }

        return (rank, start, end);
    }

    private void Apply(int at, int rank)
    {
        if (_entries[at] == MergeTable.None || MergeTable.RankOf(_entries[at]) != rank)
        {
            return;
        }

        var right = _next[at];
        _symbols[at] = MergeTable.IdOf(_entries[at]);
        _symbols[right] = -1;
        _entries[right] = MergeTable.None;
        _next[at] = _next[right];
        if (_next[at] < _symbols.Length)
        {
            _previous[_next[at]] = at;
        }

        Look(at);
        if (_previous[at] is >= 0 and var left)
        {
            Look(left);
        }
    }

    // Finds the merge of the tokens at a place and after it, and puts the place into its rank's list.
    private void Look(int at)
    {
        var entry = _next[at] < _symbols.Length
            ? _merges.Find(_symbols[at], _symbols[_next[at]]) : MergeTable.None;
        _entries[at] = entry;
        if (entry == MergeTable.None)
        {
            return;
        }

        var rank = MergeTable.RankOf(entry);
        if (_newest[rank] == 0)
        {
            _ranks.Enqueue(rank, rank);
        }

        _places[_placeCount] = at;
        _older[_placeCount] = _newest[rank];
        _newest[rank] = ++_placeCount;
    }
}
