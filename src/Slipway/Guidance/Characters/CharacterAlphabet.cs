namespace Slipway.Guidance.Characters;

/// <summary>
/// All characters in classes, so that an automaton has a transition for a class, not for a character.
/// </summary>
/// <remarks>Immutable. Halves of surrogate pairs are in classes too, which nothing ever asks for.</remarks>
internal sealed class CharacterAlphabet
{
    private readonly int[] _starts;
    private readonly int[] _classes;

    private CharacterAlphabet(int[] starts, int[] classes, int count)
        => (_starts, _classes, Count) = (starts, classes, count);

    /// <summary>All characters in one class.</summary>
    public static CharacterAlphabet Trivial { get; } = new([0], [0], 1);

    /// <summary>Number of classes.</summary>
    public int Count { get; }

    /// <summary>The runs of characters of one class, in order; each ends where the next begins.</summary>
    public ReadOnlySpan<int> Starts => _starts;

    /// <summary>Puts characters together that are in the same of some sets.</summary>
    public static CharacterAlphabet Of(IReadOnlyList<CharacterSet> sets)
    {
        var edges = new SortedDictionary<int, List<int>> { [0] = [] };
        for (var i = 0; i < sets.Count; i++)
        {
            foreach (var (first, last) in sets[i].Ranges)
            {
                Edge(first, i);
                Edge(last + 1, i);
            }
        }

        var inside = new SortedSet<int>();
        var signatures = new Dictionary<string, int>(StringComparer.Ordinal);
        var (starts, classes) = (new List<int>(), new List<int>());
        foreach (var (start, toggles) in edges)
        {
            foreach (var set in toggles)
            {
                if (!inside.Remove(set))
                {
                    inside.Add(set);
                }
            }

            if (start <= CharacterSet.Last)
            {
                var signature = string.Join(',', inside);
                signatures.TryAdd(signature, signatures.Count);
                starts.Add(start);
                classes.Add(signatures[signature]);
            }
        }

        return new([.. starts], [.. classes], signatures.Count);

        void Edge(int at, int set)
        {
            if (!edges.TryGetValue(at, out var toggles))
            {
                edges[at] = toggles = [];
            }

            toggles.Add(set);
        }
    }

    /// <summary>Makes the classes that two alphabets have together, with those of each that they belong to.</summary>
    public static (CharacterAlphabet Alphabet, (int X, int Y)[] Pairs) Product(CharacterAlphabet x, CharacterAlphabet y)
    {
        var pairs = new Dictionary<(int, int), int>();
        var (starts, classes) = (new List<int>(), new List<int>());
        for (int i = 0, j = 0, start = 0; start <= CharacterSet.Last;)
        {
            var pair = (x._classes[i], y._classes[j]);
            pairs.TryAdd(pair, pairs.Count);
            starts.Add(start);
            classes.Add(pairs[pair]);
            var (endX, endY) = (x.End(i), y.End(j));
            start = Math.Min(endX, endY);
            i += endX == start ? 1 : 0;
            j += endY == start ? 1 : 0;
        }

        return (new([.. starts], [.. classes], pairs.Count),
            [.. pairs.OrderBy(row => row.Value).Select(row => row.Key)]);
    }

    /// <summary>The class of a character.</summary>
    public int ClassOf(int character) => _classes[RunOf(character)];

    /// <summary>The run that a character is in.</summary>
    public int RunOf(int character)
    {
        var found = Array.BinarySearch(_starts, character);
        return found >= 0 ? found : ~found - 1;
    }

    /// <summary>The class of a run.</summary>
    public int ClassOfRun(int run) => _classes[run];

    /// <summary>Number of characters of a run.</summary>
    public int SizeOfRun(int run) => End(run) - _starts[run];

    /// <summary>Which classes a set's characters are in; the set must be one that the alphabet was made of.</summary>
    public IEnumerable<int> ClassesOf(CharacterSet set)
        => set.Ranges.SelectMany(
            range => Enumerable.Range(RunOf(range.First), RunOf(range.Last) - RunOf(range.First) + 1))
            .Select(ClassOfRun).Distinct();

    private int End(int run) => run + 1 < _starts.Length ? _starts[run + 1] : CharacterSet.Last + 1;
}
