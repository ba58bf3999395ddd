namespace Slipway.Tokenization.Models;

/// <summary>Applies merges in the order of their rank, leftmost first among equals, in O(n log n).</summary>
internal static class BpeMerging
{
    public static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    public static void Merge(List<int> symbols, Dictionary<long, (int Rank, int Id)> merges)
    {
        var count = symbols.Count;
        if (count < 2)
        {
            return;
        }

        int[] next = new int[count], previous = new int[count];
        PriorityQueue<(int At, int Left, int Right, int Id), (int Rank, int At)> queue = new();
        void Offer(int at)
        {
            var right = next[at];
            if (right < count && merges.TryGetValue(Key(symbols[at], symbols[right]), out var merge))
            {
                queue.Enqueue((at, symbols[at], symbols[right], merge.Id), (merge.Rank, at));
            }
        }

        for (var i = 0; i < count; i++)
        {
            (previous[i], next[i]) = (i - 1, i + 1);
        }

        for (var i = 0; i < count - 1; i++)
        {
            Offer(i);
        }

        while (queue.TryDequeue(out var merge, out _))
        {
            // An entry is stale once either side has been merged into something else.
            int at = merge.At, right = next[at];
            if (symbols[at] != merge.Left || right >= count || symbols[right] != merge.Right)
            {
                continue;
            }

            symbols[at] = merge.Id;
            symbols[right] = -1;
            next[at] = next[right];
            if (next[at] < count)
            {
                previous[next[at]] = at;
            }

            Offer(at);
            if (previous[at] >= 0)
            {
                Offer(previous[at]);
            }
        }

        symbols.RemoveAll(symbol => symbol < 0);
    }
}
