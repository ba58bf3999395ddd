namespace Slipway.Guidance;

/// <summary>Follows a grammar byte by byte; states and their token masks are made when first needed, then kept.</summary>
/// <remarks>
/// A state is the set of stacks of grammar elements that the bytes so far allow. Equal stacks and equal states are one
/// object. For one thread at a time: whoever uses it locks it.
/// </remarks>
internal sealed class GrammarAutomaton
{
    private const int MostStates = 1 << 13;

    private readonly Dictionary<(GrammarElement Top, ElementStack? Below), ElementStack> _stacks = [];
    private readonly Dictionary<string, GrammarState> _states = new(StringComparer.Ordinal);
    private readonly GrammarElement _root;
    private GrammarState? _start;

    public GrammarAutomaton(GrammarElement root) => _root = root;

    /// <summary>Where nothing has come yet.</summary>
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

    private IEnumerable<ElementStack?> After(GrammarState state, byte value)
    {
        foreach (var (terminal, below) in state.Expected)
        {
            if (terminal.TryTake(value, out var rest))
            {
                yield return rest is null ? below : Push(rest, below);
            }
        }
    }

    private GrammarState? StateOf(IEnumerable<ElementStack?> stacks)
    {
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
                if (terminal is TextElement { MayEnd: true })
                {
                    open.Push(below);
                }

                break;
            case SequenceElement sequence:
                for (var i = sequence.Parts.Length - 1; i >= 0; i--)
                {
                    below = Push(sequence.Parts[i], below);
                }

                open.Push(below);
                break;
            case ChoiceElement choice:
                foreach (var part in choice.Choices)
                {
                    open.Push(Push(part, below));
                }

                break;
            case RepeatElement repeat:
                if (repeat.MayEnd)
                {
                    open.Push(below);
                }

                if (repeat.MayGoOn)
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
        if (_states.Count == MostStates)
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

/// <summary>What is still to come: an element and what follows it.</summary>
internal sealed class ElementStack(GrammarElement top, ElementStack? below, int id)
{
    public GrammarElement Top => top;

    public ElementStack? Below => below;

    public int Id => id;
}

/// <summary>A state of a grammar: which bytes may come, and whether the text may end here.</summary>
internal sealed class GrammarState((TerminalElement Terminal, ElementStack? Below)[] expected, bool mayEnd)
{
    private readonly GrammarState?[] _next = new GrammarState?[256];
    private readonly bool[] _known = new bool[256];

    public IReadOnlyList<(TerminalElement Terminal, ElementStack? Below)> Expected => expected;

    public bool MayEnd => mayEnd;

    /// <summary>Whether any text may come, so that few tokens are forbidden if any.</summary>
    public bool IsFree { get; } = expected.Any(item => item.Terminal.IsFree);

    /// <summary>Whether only one byte may come.</summary>
    public bool IsFixed { get; } = !mayEnd && expected.All(item => item.Terminal is BytesElement { IsFixed: true });

    /// <summary>Which tokens may come, a bit for each; null where it was not asked yet.</summary>
    public ulong[]? AllowedTokens { get; set; }

    /// <summary>The tokens of some text that may not come; null where it was not asked yet.</summary>
    public int[]? ForbiddenTokens { get; set; }

    public bool TryGetNext(byte value, out GrammarState? next)
    {
        next = _next[value];
        return _known[value];
    }

    public void SetNext(byte value, GrammarState? next) => (_next[value], _known[value]) = (next, true);
}
