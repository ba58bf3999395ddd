using System.Buffers;

namespace Slipway.Tokenization.Models;

/// <summary>Applies merges in the order of their rank, leftmost first among equals.</summary>
internal static class BpeMerging
{
    // Rows this short are searched for their lowest rank, which costs less than to keep a queue.
    private const int ShortLength = 96;

    // Rows this long repay the lists of all ranks.
    private const int ListLength = 4096;

    /// <summary>Merges a row of tokens in place.</summary>
    /// <returns>The number of tokens that are left, at the start of <paramref name="symbols"/>.</returns>
    public static int Merge(Span<int> symbols, MergeTable merges) =>
        symbols.Length < 2 ? symbols.Length
        : symbols.Length <= ShortLength ? MergeShort(symbols, merges)
        : symbols.Length <= ListLength || !merges.RanksAreTokens ? MergeLong(symbols, merges)
        : MergeVeryLong(symbols, merges);

    // entries[i] is the merge of symbols i and i + 1.
    private static int MergeShort(Span<int> symbols, MergeTable merges)
    {
        Span<ulong> entries = stackalloc ulong[symbols.Length];
        var count = symbols.Length;
        for (var i = 0; i < count - 1; i++)
        {
            entries[i] = merges.Find(symbols[i], symbols[i + 1]);
        }

        while (count > 1)
        {
            // Only a lower rank wins, whatever the tokens: the leftmost of equals stays.
            var (best, bound) = (-1, MergeTable.None);
            for (var i = 0; i < count - 1; i++)
            {
                if (entries[i] < bound)
                {
                    (best, bound) = (i, entries[i] & ~(ulong)uint.MaxValue);
                }
            }

            if (best < 0)
            {
                break;
            }

            symbols[best] = MergeTable.IdOf(entries[best]);
            symbols[(best + 2)..count].CopyTo(symbols[(best + 1)..]);
            entries[(best + 1)..(count - 1)].CopyTo(entries[best..]);
            count--;
            if (best > 0)
            {
                entries[best - 1] = merges.Find(symbols[best - 1], symbols[best]);
            }

            if (best < count - 1)
            {
                entries[best] = merges.Find(symbols[best], symbols[best + 1]);
            }
        }

        return count;
    }

    private static int MergeLong(Span<int> symbols, MergeTable merges)
    {
        var count = symbols.Length;
        var links = ArrayPool<int>.Shared.Rent(2 * count);
        var entries = ArrayPool<ulong>.Shared.Rent(count);

        // Each merge takes a number out and puts at most two in.
        var queued = ArrayPool<ulong>.Shared.Rent(2 * count);
        try
        {
            MergeByQueue(symbols, merges, links.AsSpan(0, count), links.AsSpan(count, count), entries, queued);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(links);
            ArrayPool<ulong>.Shared.Return(entries);
            ArrayPool<ulong>.Shared.Return(queued);
        }

        return Close(symbols);
    }

    private static int MergeVeryLong(Span<int> symbols, MergeTable merges)
    {
        RankedMerging.Merge(symbols, merges);
        return Close(symbols);
    }

    // Moves what is left together.
    private static int Close(Span<int> symbols)
    {
        var kept = 0;
        foreach (var symbol in symbols)
        {
            if (symbol >= 0)
            {
                symbols[kept++] = symbol;
            }
        }

        return kept;
    }

    // A queued merge is stale once the pair at its place has another rank.
    private static void MergeByQueue(
        Span<int> symbols, MergeTable merges, Span<int> next, Span<int> previous, Span<ulong> entries,
        Span<ulong> queued)
    {
        int count = symbols.Length, first = 0;
        for (var i = 0; i < count; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
            entries[i] = i + 1 < count ? merges.Find(symbols[i], symbols[i + 1]) : MergeTable.None;
            if (entries[i] != MergeTable.None)
            {
                queued[first++] = Priority(entries[i], i);
            }
        }

        MergeQueue queue = new(queued, first);
        while (queue.TryDequeue(out var priority))
        {
            var at = (int)(uint)priority;
            if (entries[at] == MergeTable.None || Priority(entries[at], at) != priority)
            {
                continue;
            }

            var right = next[at];
            symbols[at] = MergeTable.IdOf(entries[at]);
            symbols[right] = -1;
            entries[right] = MergeTable.None;
            next[at] = next[right];
            if (next[at] < count)
            {
                previous[next[at]] = at;
            }

            entries[at] = next[at] < count ? merges.Find(symbols[at], symbols[next[at]]) : MergeTable.None;
            Offer(at, entries, ref queue);
            if (previous[at] is >= 0 and var left)
            {
                entries[left] = merges.Find(symbols[left], symbols[at]);
                Offer(left, entries, ref queue);
            }
        }
    }

    private static void Offer(int at, Span<ulong> entries, ref MergeQueue queue)
    {
        if (entries[at] != MergeTable.None)
        {
            queue.Enqueue(Priority(entries[at], at));
        }
    }

    private static ulong Priority(ulong entry, int at) => (entry & ~(ulong)uint.MaxValue) | (uint)at;
}
