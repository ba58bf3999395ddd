namespace Slipway.Guidance.Characters;

/// <summary>A language of texts: states with one transition a character. Immutable.</summary>
/// <remarks>
/// Every state can reach an end, so a text that follows the transitions can always be completed; -1 stands for the
/// state that cannot. State 0 is the start. Source: Hopcroft and Ullman, 1979, chapters 2 and 3.
/// </remarks>
internal sealed class CharacterAutomaton
{
    private const int MaxStates = 10_000;
    private const int MaxCharacters = 50_000;
    private const int MaxCells = 32_000_000;

    private readonly int[] _next; // [state, class]
    private readonly bool[] _accepts;

    private CharacterAutomaton(CharacterAlphabet alphabet, int[] next, bool[] accepts)
        => (Alphabet, _next, _accepts) = (alphabet, next, accepts);

    /// <summary>Every text.</summary>
    public static CharacterAutomaton All { get; } = new(CharacterAlphabet.Trivial, [0], [true]);

    public CharacterAlphabet Alphabet { get; }

    /// <summary>Number of states; none where no text is in the language.</summary>
    public int Count => _accepts.Length;

    public bool IsEmpty => Count == 0;

    /// <summary>Tells whether every text is in the language.</summary>
    public bool IsAll => Count > 0 && _accepts.All(accepts => accepts) && !_next.Contains(-1);

    /// <summary>Makes an automaton of states as they come; those that reach no end are left out.</summary>
    /// <param name="alphabet">The characters.</param>
    /// <param name="next">For each state the state after each class, or -1.</param>
    /// <param name="accepts">Whether a text may end in a state.</param>
    public static CharacterAutomaton Of(
        CharacterAlphabet alphabet, IReadOnlyList<int[]> next, IReadOnlyList<bool> accepts)
    {
        LimitTable(next.Count, alphabet.Count);
        var isLive = Live(next, accepts);
        var number = new int[next.Count];
        var count = 0;
        for (var state = 0; state < next.Count; state++)
        {
            number[state] = isLive[state] ? count++ : -1;
        }

        if (next.Count == 0 || !isLive[0])
        {
            return new(alphabet, [], []);
        }

        var live = Enumerable.Range(0, next.Count).Where(state => isLive[state]).ToArray();
        return new(
            alphabet,
            [.. live.SelectMany(state => next[state]).Select(target => target < 0 ? -1 : number[target])],
            [.. live.Select(state => accepts[state])]);
    }

    /// <summary>The language of single characters of a set.</summary>
    public static CharacterAutomaton Of(CharacterSet set)
    {
        var alphabet = CharacterAlphabet.Of([set]);
        var first = Enumerable.Repeat(-1, alphabet.Count).ToArray();
        foreach (var member in alphabet.ClassesOf(set))
        {
            first[member] = 1;
        }

        return Of(alphabet, [first, Enumerable.Repeat(-1, alphabet.Count).ToArray()], [false, true]);
    }

    /// <summary>The language of some texts.</summary>
    public static CharacterAutomaton Of(IEnumerable<string> texts)
    {
        var nodes = new List<(Dictionary<int, int> Next, bool Accepts)> { ([], false) };
        foreach (var text in texts)
        {
            var at = 0;
            foreach (var rune in text.EnumerateRunes())
            {
                if (!nodes[at].Next.TryGetValue(rune.Value, out var next))
                {
                    nodes[at].Next[rune.Value] = next = nodes.Count;
                    nodes.Add(([], false));
                    Limit(nodes.Count, MaxCharacters);
                }

                at = next;
            }

            nodes[at] = (nodes[at].Next, true);
        }

        var characters = nodes.SelectMany(node => node.Next.Keys).Distinct().Select(CharacterSet.Of).ToArray();
        var alphabet = CharacterAlphabet.Of(characters);
        LimitTable(nodes.Count, alphabet.Count);
        var table = nodes.Select(node =>
        {
            var row = Enumerable.Repeat(-1, alphabet.Count).ToArray();
            foreach (var (character, next) in node.Next)
            {
                row[alphabet.ClassOf(character)] = next;
            }

            return row;
        });
        return Of(alphabet, [.. table], [.. nodes.Select(node => node.Accepts)]);
    }

    public bool Accepts(int state) => _accepts[state];

    /// <summary>The state after a class of characters; -1 where it may not come.</summary>
    public int Next(int state, int characterClass) => _next[(state * Alphabet.Count) + characterClass];

    /// <summary>Tells whether a text is in the language.</summary>
    public bool Contains(string text)
    {
        var state = IsEmpty ? -1 : 0;
        foreach (var rune in text.EnumerateRunes())
        {
            state = state < 0 ? -1 : Next(state, Alphabet.ClassOf(rune.Value));
        }

        return state >= 0 && Accepts(state);
    }

    /// <summary>All texts of the language; null where they are more than <paramref name="max"/>.</summary>
    public IReadOnlyList<string>? Words(int max)
    {
        const int Longest = 1000;
        var words = new List<string>();
        var open = new Stack<(int State, string Text)>(IsEmpty ? [] : [(0, "")]);
        while (open.TryPop(out var at))
        {
            if (Accepts(at.State))
            {
                words.Add(at.Text);
            }

            for (var run = 0; run < Alphabet.Starts.Length; run++)
            {
                // Every state leads to a text, so more of them are more texts.
                var (next, size) = (Next(at.State, Alphabet.ClassOfRun(run)), Alphabet.SizeOfRun(run));
                if (next >= 0 && (size + words.Count + open.Count > max + 1 || at.Text.Length > Longest))
                {
                    return null;
                }

                for (var i = 0; next >= 0 && i < size; i++)
                {
                    open.Push((next, at.Text + char.ConvertFromUtf32(Alphabet.Starts[run] + i)));
                }
            }
        }

        return words.Count <= max ? words : null;
    }

    /// <summary>The texts that are in both languages.</summary>
    public CharacterAutomaton Intersect(CharacterAutomaton other)
    {
        if (IsEmpty || other.IsAll)
        {
            return this;
        }

        if (other.IsEmpty || IsAll)
        {
            return other;
        }

        var (alphabet, pairs) = CharacterAlphabet.Product(Alphabet, other.Alphabet);
        var numbers = new Dictionary<(int, int), int> { [(0, 0)] = 0 };
        var states = new List<(int X, int Y)> { (0, 0) };
        var table = new List<int[]>();
        for (var at = 0; at < states.Count; at++)
        {
            var (x, y) = states[at];
            table.Add([.. pairs.Select(pair =>
            {
                var target = (Next(x, pair.X), other.Next(y, pair.Y));
                if (target.Item1 < 0 || target.Item2 < 0)
                {
                    return -1;
                }

                if (numbers.TryAdd(target, states.Count))
                {
                    states.Add(target);
                    Limit(states.Count);
                    LimitTable(states.Count, alphabet.Count);
                }

                return numbers[target];
            })]);
        }

        return Of(alphabet, table, [.. states.Select(state => Accepts(state.X) && other.Accepts(state.Y))]);
    }

    /// <summary>All texts that are not in the language.</summary>
    public CharacterAutomaton Complement()
    {
        // One more state, which all other texts lead to.
        var table = Enumerable.Range(0, Count)
            .Select(state => _next.AsSpan(state * Alphabet.Count, Alphabet.Count).ToArray())
            .Append(Enumerable.Repeat(-1, Alphabet.Count).ToArray())
            .Select(row => row.Select(target => target < 0 ? Count : target).ToArray());
        return Of(Alphabet, [.. table], [.. _accepts.Select(accepts => !accepts), true]);
    }

    /// <exception cref="NotSupportedException">There are too many states.</exception>
    public static void Limit(int states, int max = MaxStates)
    {
        if (states > max)
        {
            throw new NotSupportedException(
                $"The pattern needs more than {max} states. Use fewer or smaller repetitions, and check the rest in "
                + "your code.");
        }
    }

    /// <exception cref="NotSupportedException">A table of states and classes of characters would be too
    /// large.</exception>
    public static void LimitTable(int states, int classes)
    {
        if ((long)states * classes > MaxCells)
        {
            throw new NotSupportedException(
                $"The pattern or list of texts needs more than {MaxCells} transitions. Use fewer different characters "
                + "or fewer repetitions, and check the rest in your code.");
        }
    }

    private static bool[] Live(IReadOnlyList<int[]> next, IReadOnlyList<bool> accepts)
    {
        var before = new List<int>[next.Count];
        for (var state = 0; state < next.Count; state++)
        {
            foreach (var target in next[state])
            {
                if (target >= 0)
                {
                    (before[target] ??= []).Add(state);
                }
            }
        }

        var isLive = accepts.ToArray();
        var open = new Stack<int>(Enumerable.Range(0, next.Count).Where(state => accepts[state]));
        while (open.TryPop(out var state))
        {
            foreach (var source in before[state] ?? [])
            {
                if (!isLive[source])
                {
                    isLive[source] = true;
                    open.Push(source);
                }
            }
        }

        return isLive;
    }
}
