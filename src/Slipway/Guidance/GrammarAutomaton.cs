namespace Slipway.Guidance;

/// <summary>
/// Follows a grammar byte by byte; states and their token masks are made when first needed, then kept.
/// </summary>
/// <remarks>
/// A state is the set of stacks of grammar elements that the bytes so far allow. Equal stacks and equal states are one
/// object. For one thread at a time: whoever uses it locks it.
/// </remarks>
internal sealed class GrammarAutomaton
{
    private const int MaxStates = 1 << 13;
    private const int MaxForced = 256;
    private const int MaxStacks = 1 << 20;
    private const int MaxStacksOfState = 1 << 15;

    private readonly Dictionary<(GrammarElement Top, ElementStack? Below), ElementStack> _stacks = [];
    private readonly Dictionary<string, GrammarState> _states = new(StringComparer.Ordinal);
    private readonly HashSet<GrammarElement> _unproductive;
    private readonly GrammarElement _root;
    private GrammarState? _start;

    /// <exception cref="ArgumentException">No text satisfies the grammar.</exception>
    /// <exception cref="NotSupportedException">The grammar is too large.</exception>
    public GrammarAutomaton(GrammarElement root)
    {
        (_root, _unproductive) = (root, Productivity.Unproductive(root));
        if (_unproductive.Contains(root))
        {
            throw new ArgumentException(
                "No text satisfies the grammar: each of its rules asks for another without end.");
        }
    }

    /// <summary>State before anything has come.</summary>
    public GrammarState Start => _start ??= StateOf([Push(_root, null)])!;

    /// <summary>The state after one more byte; null where the grammar does not allow it.</summary>
    public GrammarState? Next(GrammarState state, byte value)
    {
        if (!state.TryGetNext(value, out var next))
        {
            next = StateOf(After(state, value));
            state.SetNext(value, next);
        }

        return next;
    }

    /// <summary>
    /// The bytes that must come after a state, as far as there is no other way, and the state after them.
    /// </summary>
    public (byte[] Bytes, GrammarState End) Forced(GrammarState state)
    {
        var bytes = new List<byte>();
        while (bytes.Count < MaxForced && !state.MayEnd && OnlyNext(state) is { } value)
        {
            bytes.Add(value);
            state = Next(state, value)!;
        }

        return ([.. bytes], state);
    }

    private byte? OnlyNext(GrammarState state)
    {
        if (state.OnlyNext is null)
        {
            var values = Enumerable.Range(0, 256).Where(value => Next(state, (byte)value) is not null).Take(2)
                .ToArray();
            state.OnlyNext = values is [var only] ? only : -1;
        }

        return state.OnlyNext is >= 0 and var value ? (byte)value : null;
    }

    private List<ElementStack?> After(GrammarState state, byte value)
    {
        List<ElementStack?> stacks = [];
        foreach (var (terminal, below) in state.Expected)
        {
            if (terminal.TryTake(value, out var rest))
            {
                stacks.Add(rest is null ? below : Push(rest, below));
            }
        }

        return stacks;
    }

    private GrammarState? StateOf(List<ElementStack?> stacks)
    {
        if (stacks.Count == 0)
        {
            return null;
        }

        var expected = new HashSet<(TerminalElement, ElementStack?)>();
        var seen = new HashSet<ElementStack>();
        var open = new Stack<ElementStack?>(stacks);
        var mayEnd = false;
        while (open.TryPop(out var stack))
        {
            if (stack is null)
            {
                mayEnd = true;
            }
            else if (seen.Add(stack))
            {
                if (seen.Count > MaxStacksOfState)
                {
                    throw new NotSupportedException(
                        $"After the text so far the grammar can go on in more than {MaxStacksOfState} ways. Make it "
                        + "less ambiguous: use fewer repetitions of what may be empty or may be read in several ways.");
                }

                Expand(stack, open, expected);
            }
        }

        return expected.Count == 0 && !mayEnd ? null : Intern(expected, mayEnd);
    }

    private void Expand(
        ElementStack stack, Stack<ElementStack?> open, HashSet<(TerminalElement, ElementStack?)> expected)
    {
        var below = stack.Below;
        switch (stack.Top)
        {
            case TerminalElement terminal:
                expected.Add((terminal, below));
                if (terminal.MayEnd)
                {
                    open.Push(below);
                }

                break;
            case SequenceElement sequence:
                for (var i = sequence.Parts.Count - 1; i >= 0; i--)
                {
                    below = Push(sequence.Parts[i], below);
                }

                open.Push(below);
                break;
            case ChoiceElement choice:
                foreach (var part in choice.Parts)
                {
                    if (!_unproductive.Contains(part))
                    {
                        open.Push(Push(part, below));
                    }
                }

                break;
            case RepeatElement repeat:
                if (repeat.MayEnd)
                {
                    open.Push(below);
                }

                if (repeat.MayGoOn && !_unproductive.Contains(repeat.Element))
                {
                    open.Push(Push(repeat.Element, Push(repeat.Rest, below)));
                }

                break;
            case RuleElement rule:
                open.Push(Push(rule.Definition, below));
                break;
        }
    }

    private ElementStack Push(GrammarElement top, ElementStack? below)
    {
        if (!_stacks.TryGetValue((top, below), out var stack))
        {
            stack = new(top, below, _stacks.Count + 1);
            _stacks.Add((top, below), stack);
        }

        return stack;
    }

    private GrammarState Intern(HashSet<(TerminalElement Terminal, ElementStack? Below)> expected, bool mayEnd)
    {
        // What is forgotten here is only made again; states in use live on.
        if (_states.Count == MaxStates || _stacks.Count > MaxStacks)
        {
            _states.Clear();
            _stacks.Clear();
        }

        var ids = expected.Select(item => Push(item.Terminal, item.Below).Id).Order();
        var key = (mayEnd ? "." : "") + string.Join(',', ids);
        if (!_states.TryGetValue(key, out var state))
        {
            state = new([.. expected], mayEnd);
            _states.Add(key, state);
        }

        return state;
    }
}

/// <summary>Continuation that is still to come: an element and what follows it.</summary>
internal sealed class ElementStack(GrammarElement top, ElementStack? below, int id)
{
    public GrammarElement Top => top;

    public ElementStack? Below => below;

    public int Id => id;
}

/// <summary>A state of a grammar: which bytes may come, and whether the text may end here.</summary>
internal sealed class GrammarState((TerminalElement Terminal, ElementStack? Below)[] expected, bool mayEnd)
{
    private static readonly GrammarState None = new([], mayEnd: false);

    // Null where it was not asked yet, None where there is none.
    private readonly GrammarState?[] _next = expected.Length == 0 ? [] : new GrammarState?[256];

    public ReadOnlySpan<(TerminalElement Terminal, ElementStack? Below)> Expected => expected;

    public bool MayEnd => mayEnd;

    /// <summary>Tells whether any text may come, so that few tokens are forbidden if any.</summary>
    public bool IsFree { get; } = expected.Any(item => item.Terminal.IsFree);

    /// <summary>Tells whether only one byte may come.</summary>
    public bool IsFixed { get; } = !mayEnd && expected.All(item => item.Terminal is BytesElement { IsFixed: true });

    /// <summary>Tells whether nothing may come but the end.</summary>
    public bool IsComplete => mayEnd && expected.Length == 0;

    /// <summary>The one byte that may come, -1 where several may; null where it was not asked yet.</summary>
    public int? OnlyNext { get; set; }

    /// <summary>Which tokens may come, a bit for each; null where it was not asked yet.</summary>
    public ulong[]? AllowedTokens { get; set; }

    /// <summary>The tokens of some text that may not come; null where it was not asked yet.</summary>
    public int[]? ForbiddenTokens { get; set; }

    /// <summary>
    /// Tells whether what may come here and after another state differs in nothing, as far as some bytes reach.
    /// </summary>
    public bool IsLike(GrammarState other, int bytes)
    {
        var others = other.Expected;
        if (others.Length != expected.Length)
        {
            return false;
        }

        for (var i = 0; i < expected.Length; i++)
        {
            if (expected[i].Below != others[i].Below || !expected[i].Terminal.IsLike(others[i].Terminal, bytes))
            {
                return false;
            }
        }

        return true;
    }

    public bool TryGetNext(byte value, out GrammarState? next)
    {
        var known = _next.Length == 0 ? None : _next[value];
        next = ReferenceEquals(known, None) ? null : known;
        return known is not null;
    }

    public void SetNext(byte value, GrammarState? next) => _next[value] = next ?? None;
}
