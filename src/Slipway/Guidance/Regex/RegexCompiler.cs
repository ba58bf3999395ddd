using System.Globalization;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

/// <summary>Turns a regular expression into an automaton, never by backtracking.</summary>
/// <remarks>Source: Thompson, 1968; Rabin and Scott, 1959.</remarks>
internal sealed class RegexCompiler
{
    private const int MaxNodes = 50_000;
    private const int MaxParts = 200_000;
    private const int MaxWork = 5_000_000;

    // What a node of the nondeterministic automaton does: takes a character, splits, tests a place, or ends.
    private readonly List<(CharacterSet? Set, bool? Anchor, int Next, int Other)> _nodes = [];
    private readonly string _pattern;
    private int _parts;

    private RegexCompiler(string pattern) => _pattern = pattern;

    /// <summary>Compiles a pattern that a whole text must match, or, where told, some part of it.</summary>
    /// <exception cref="NotSupportedException">It cannot be followed, or is too large.</exception>
    /// <exception cref="ArgumentException">It is malformed.</exception>
    public static CharacterAutomaton Compile(string pattern, bool anywhere = false)
    {
        var node = RegexParser.Parse(pattern);
        if (anywhere)
        {
            var any = new RegexRepeat(new RegexCharacter(CharacterSet.All), 0, null);
            node = new RegexSequence([any, node, any]);
        }

        var compiler = new RegexCompiler(pattern);
        var end = compiler.Add(null, null, -1, -1);
        return compiler.Determinize(compiler.Add(node, end), end);
    }

    private int Add(CharacterSet? set, bool? anchor, int next, int other)
    {
        if (_nodes.Count == MaxNodes)
        {
            throw TooLarge();
        }

        _nodes.Add((set, anchor, next, other));
        return _nodes.Count - 1;
    }

    // Adds a part before a node, and tells where it begins.
    private int Add(RegexNode part, int next)
    {
        // Also parts that take no character: repetitions of repetitions of nothing are as many steps.
        if (++_parts > MaxParts)
        {
            throw TooLarge();
        }

        switch (part)
        {
            case RegexCharacter { Set: var set }:
                return Add(set, null, next, -1);
            case RegexAnchor { IsStart: var isStart }:
                return Add(null, isStart, next, -1);
            case RegexSequence { Parts: var parts }:
                return parts.Reverse().Aggregate(next, (after, inner) => Add(inner, after));
            case RegexChoice { Choices: var choices }:
                return choices.Select(choice => Add(choice, next)).ToArray()
                    .Aggregate((x, y) => Add(null, null, x, y));
            default:
                return Add((RegexRepeat)part, next);
        }
    }

    private int Add(RegexRepeat repeat, int next)
    {
        if (repeat.Max is { } max)
        {
            var after = next;
            for (var i = repeat.Min; i < max; i++)
            {
                after = Add(null, null, Add(repeat.Node, after), next);
            }

            next = after;
        }
        else
        {
            var loop = Add(null, null, -1, next);
            _nodes[loop] = _nodes[loop] with { Next = Add(repeat.Node, loop) };
            next = loop;
        }

        for (var i = 0; i < repeat.Min; i++)
        {
            next = Add(repeat.Node, next);
        }

        return next;
    }

    private CharacterAutomaton Determinize(int start, int end)
    {
        var sets = _nodes.Select(node => node.Set).OfType<CharacterSet>().Distinct().ToArray();
        var alphabet = CharacterAlphabet.Of(sets);
        var classes = sets.ToDictionary(set => set, set => alphabet.ClassesOf(set).ToArray());
        var numbers = new Dictionary<string, int>(StringComparer.Ordinal);
        var states = new List<int[]>();
        var accepts = new List<bool>();
        var table = new List<int[]>();
        var work = 0L;
        Number(Closure([start], atStart: true, atEnd: false), atStart: true);
        for (var at = 0; at < states.Count; at++)
        {
            var targets = new HashSet<int>?[alphabet.Count];
            foreach (var node in states[at])
            {
                foreach (var characterClass in _nodes[node].Set is { } set ? classes[set] : [])
                {
                    (targets[characterClass] ??= []).Add(_nodes[node].Next);
                    work++;
                }
            }

            // Classes often lead to the same place.
            var known = new Dictionary<string, int>(StringComparer.Ordinal);
            table.Add([.. targets.Select(target => target is null ? -1 : Target(target, known))]);
        }

        return CharacterAutomaton.Of(alphabet, table, accepts);

        int Target(HashSet<int> target, Dictionary<string, int> known)
        {
            var key = Key(target.Order());
            if (!known.TryGetValue(key, out var number))
            {
                known[key] = number = Number(Closure(target, atStart: false, atEnd: false), atStart: false);
            }

            return number;
        }

        int Number(HashSet<int> nodes, bool atStart)
        {
            work += nodes.Count;
            if (work > MaxWork)
            {
                throw TooLarge();
            }

            int[] ordered = [
                .. nodes.Where(node => _nodes[node].Set is not null || _nodes[node].Anchor is not null || node == end)
                .Order()];
            var key = (atStart ? "^" : "") + Key(ordered);
            if (numbers.TryAdd(key, states.Count))
            {
                CharacterAutomaton.Limit(states.Count + 1);
                CharacterAutomaton.LimitTable(states.Count + 1, alphabet.Count);
                states.Add(ordered);
                accepts.Add(Closure(ordered, atStart, atEnd: true).Contains(end));
            }

            return numbers[key];
        }
    }

    private static string Key(IEnumerable<int> nodes)
        => string.Join(',', nodes.Select(node => node.ToString(CultureInfo.InvariantCulture)));

    // What is reached without a character.
    private HashSet<int> Closure(IEnumerable<int> nodes, bool atStart, bool atEnd)
    {
        var reached = new HashSet<int>();
        var open = new Stack<int>(nodes);
        while (open.TryPop(out var node))
        {
            if (reached.Add(node) && _nodes[node] is { Set: null } inner)
            {
                if (inner.Next >= 0 && (inner.Anchor is not { } isStart || (isStart ? atStart : atEnd)))
                {
                    open.Push(inner.Next);
                }

                if (inner.Other >= 0)
                {
                    open.Push(inner.Other);
                }
            }
        }

        return reached;
    }

    private NotSupportedException TooLarge()
        => new(
            $"The regular expression '{Excerpt.Of(_pattern)}' is too large once its repetitions are written out. Use "
            + "fewer or smaller ones.");
}
