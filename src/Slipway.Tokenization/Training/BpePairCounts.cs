using System.Runtime.InteropServices;

namespace Slipway.Tokenization.Training;

/// <summary>Counts the neighbouring pairs of symbols, kept up to date from merge to merge.</summary>
internal sealed class BpePairCounts
{
    private readonly List<(int[] Symbols, int Count)> _words;
    private readonly Dictionary<long, long> _counts = [];
    private readonly Dictionary<long, HashSet<int>> _occurrences = [];
    private readonly PriorityQueue<long, (long NegativeCount, long Key)> _queue = new();

    public BpePairCounts(List<(int[] Symbols, int Count)> words)
    {
        _words = words;
        for (var word = 0; word < words.Count; word++)
        {
            Add(word, 1);
        }

        foreach (var (key, count) in _counts)
        {
            _queue.Enqueue(key, (-count, key));
        }
    }

    /// <summary>Removes and returns the most frequent pair; null where none is frequent enough.</summary>
    public (int Left, int Right)? TakeMostFrequent(int minimum)
    {
        while (_queue.TryDequeue(out var key, out var priority))
        {
            var count = _counts.GetValueOrDefault(key);
            if (count != -priority.NegativeCount)
            {
                // The count has changed since; every change put a fresh entry into the queue.
                continue;
            }

            return count >= minimum ? ((int)(key >> 32), (int)(key & 0xFFFFFFFF)) : null;
        }

        return null;
    }

    /// <summary>Replaces the pair by one symbol in every word.</summary>
    public void Merge(int left, int right, int merged)
    {
        var key = Key(left, right);
        HashSet<long> changed = [];
        foreach (var word in _occurrences[key].Order().ToArray())
        {
            Add(word, -1, changed);
            _words[word] = (Replace(_words[word].Symbols, left, right, merged), _words[word].Count);
            Add(word, 1, changed);
        }

        _counts.Remove(key);
        _occurrences.Remove(key);
        changed.Remove(key);
        foreach (var pair in changed)
        {
            if (_counts.TryGetValue(pair, out var count) && count > 0)
            {
                _queue.Enqueue(pair, (-count, pair));
            }
        }
    }

    private static long Key(int left, int right) => ((long)left << 32) | (uint)right;

    private static int[] Replace(int[] symbols, int left, int right, int merged)
    {
        List<int> result = new(symbols.Length);
        for (var i = 0; i < symbols.Length; i++)
        {
            var pair = i + 1 < symbols.Length && symbols[i] == left && symbols[i + 1] == right;
            result.Add(pair ? merged : symbols[i]);
            i += pair ? 1 : 0;
        }

        return [.. result];
    }

    private void Add(int word, int sign, HashSet<long>? changed = null)
    {
        var (symbols, count) = _words[word];
        for (var i = 0; i + 1 < symbols.Length; i++)
        {
            var key = Key(symbols[i], symbols[i + 1]);
            CollectionsMarshal.GetValueRefOrAddDefault(_counts, key, out _) += sign * (long)count;
            ref var where = ref CollectionsMarshal.GetValueRefOrAddDefault(_occurrences, key, out _);
            where ??= [];
            if (sign > 0)
            {
                where.Add(word);
            }
            else
            {
                where.Remove(word);
            }

            changed?.Add(key);
        }
    }
}
