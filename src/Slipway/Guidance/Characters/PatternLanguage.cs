namespace Slipway.Guidance.Characters;

/// <summary>Texts of a language within bounds of their length, in characters.</summary>
internal sealed class PatternLanguage
{
    private const int MaxCells = 4_000_000;

    private readonly bool[]? _mayCount; // [characters so far, state]: whether an end is reached within the bounds
    private readonly int[] _runEnd = []; // for each count the first after it whose bounds and states are others
    private readonly int _min;
    private readonly int? _max;

    /// <exception cref="NotSupportedException">Automaton and bounds are too large together.</exception>
    public PatternLanguage(CharacterAutomaton automaton, int min = 0, int? max = null)
    {
        (Automaton, _min, _max) = (automaton, min, max);
        if ((min == 0 && max is null) || automaton.IsEmpty)
        {
            return;
        }

        var counts = Math.Max(min, max ?? 0);
        if ((long)(counts + 1) * automaton.Count > MaxCells)
        {
            throw new NotSupportedException(
                $"A pattern of {automaton.Count} states and a length of {counts} characters are too large together. "
                + "Use smaller bounds, and check the rest in your code.");
        }

        var states = automaton.Count;
        _mayCount = new bool[(counts + 1) * states];
        for (var count = counts; count >= 0; count--)
        {
            var after = count < counts ? Row(count + 1) : [];
            for (var state = 0; state < states; state++)
            {
                _mayCount[(count * states) + state] = (count >= min && (max is null || automaton.Accepts(state)))
                    || (count < counts && ReachesNext(state, after));
            }
        }

        _runEnd = new int[counts + 1];
        for (var count = counts; count >= 0; count--)
        {
            var goesOn = count < counts && count + 1 != min && count + 1 != max
                && Row(count).SequenceEqual(Row(count + 1));
            _runEnd[count] = goesOn ? _runEnd[count + 1] : count + 1;
        }
    }

    public CharacterAutomaton Automaton { get; }

    public bool IsEmpty => Automaton.IsEmpty || !MayBe(0, 0);

    public bool MayEnd(int state, int count) => count >= _min && Automaton.Accepts(state);

    /// <summary>The state after a class of characters; -1 where none of the texts goes on so.</summary>
    public int Next(int state, int count, int characterClass)
    {
        var next = Automaton.Next(state, characterClass);
        return next >= 0 && (_max is null || count < _max) && MayBe(next, CountAfter(count)) ? next : -1;
    }

    /// <summary>Number of characters after one more; more than matter are not told apart.</summary>
    public int CountAfter(int count) => Math.Min(count + 1, _max ?? _min);

    /// <summary>Tells whether the bounds tell two counts of characters apart within some more.</summary>
    public bool IsLike(int count, int other, int more)
        => count == other || (_runEnd[count] == _runEnd[other] && Math.Max(count, other) + more < _runEnd[count]);

    private bool MayBe(int state, int count) => _mayCount is null || _mayCount[(count * Automaton.Count) + state];

    private ReadOnlySpan<bool> Row(int count) => _mayCount.AsSpan(count * Automaton.Count, Automaton.Count);

    private bool ReachesNext(int state, ReadOnlySpan<bool> isKept)
    {
        for (var characterClass = 0; characterClass < Automaton.Alphabet.Count; characterClass++)
        {
            if (Automaton.Next(state, characterClass) is >= 0 and var next && isKept[next])
            {
                return true;
            }
        }

        return false;
    }
}
