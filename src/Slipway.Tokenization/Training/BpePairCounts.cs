using System.Runtime.InteropServices;
using Slipway.Tokenization.Models;

namespace Slipway.Tokenization.Training;

/// <summary>How often each neighbouring pair occurs, kept up to date from merge to merge.</summary>
internal sealed class BpePairCounts
{
    private readonly List<(int[] Symbols, int Count)> words;
    private readonly Dictionary<long, long> counts = [];
    private readonly Dictionary<long, HashSet<int>> occurrences = [];
    private readonly PriorityQueue<long, (long NegativeCount, long Key)> queue = new();

    public BpePairCounts(List<(int[] Symbols, int Count)> words)
    {
        this.words = words;
        for (int word = 0; word < words.Count; word++)
        {
            Add(word, 1);
        }

        foreach ((long key, long count) in counts)
        {
            queue.Enqueue(key, (-count, key));
        }
    }

    /// <summary>Removes and returns the most frequent pair; null where none is frequent enough.</summary>
    public (int Left, int Right)? TakeMostFrequent(int minimum)
    {
        while (queue.TryDequeue(out long key, out (long NegativeCount, long Key) priority))
        {
            long count = counts.GetValueOrDefault(key);
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
        long key = BpeMerging.Key(left, right);
        HashSet<long> changed = [];
        foreach (int word in occurrences[key].Order().ToArray())
        {
            Add(word, -1, changed);
            words[word] = (Replace(words[word].Symbols, left, right, merged), words[word].Count);
            Add(word, 1, changed);
        }

        counts.Remove(key);
        occurrences.Remove(key);
        changed.Remove(key);
        foreach (long pair in changed)
        {
            if (counts.TryGetValue(pair, out long count) && count > 0)
            {
                queue.Enqueue(pair, (-count, pair));
            }
        }
    }

    private static int[] Replace(int[] symbols, int left, int right, int merged)
    {
        List<int> result = new(symbols.Length);
        for (int i = 0; i < symbols.Length; i++)
        {
            bool pair = i + 1 < symbols.Length && symbols[i] == left && symbols[i + 1] == right;
            result.Add(pair ? merged : symbols[i]);
            i += pair ? 1 : 0;
        }

        return [.. result];
    }

    private void Add(int word, int sign, HashSet<long>? changed = null)
    {
        (int[] symbols, int count) = words[word];
        for (int i = 0; i + 1 < symbols.Length; i++)
        {
            long key = BpeMerging.Key(symbols[i], symbols[i + 1]);
            CollectionsMarshal.GetValueRefOrAddDefault(counts, key, out _) += sign * (long)count;
            ref HashSet<int>? where = ref CollectionsMarshal.GetValueRefOrAddDefault(occurrences, key, out _);
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
