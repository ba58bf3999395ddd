using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>The <c>loop</c> variable: the place in a loop, and the loop itself where it is recursive.</summary>
internal sealed class LoopState(List<object?> items, int depth, Func<object?, string>? render)
    : Callable("loop", arguments => render is null
        ? throw Work.Error("'loop' can be called in a loop that is marked 'recursive' only.")
        : render(arguments.Get(0, "iterable"))), IAttributes
{
    private object?[]? _last;

    /// <summary>The position, from 0.</summary>
    public int Index0 { get; set; }

    public long Index => Index0 + 1;

    public long Length => items.Count;

    public bool TryGet(string attribute, out object? value)
    {
        value = attribute switch
        {
            "index" => Index,
            "index0" => (long)Index0,
            "revindex" => Length - Index0,
            "revindex0" => Length - Index,
            "first" => Index0 == 0,
            "last" => Index == Length,
            "length" => Length,
            "depth" => depth + 1L,
            "depth0" => (long)depth,
            "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("there is no previous item"),
            "nextitem" => Index < Length ? items[Index0 + 1] : new Undefined("there is no next item"),
            "cycle" => new Callable("cycle", Cycle),
            "changed" => new Callable("changed", arguments => HasChanged(arguments.Positional)),
            _ => this,
        };
        return !ReferenceEquals(value, this);
    }

    private object? Cycle(CallArguments arguments) => arguments.Positional.Length == 0
        ? throw Work.Error("'loop.cycle' needs arguments.")
        : arguments.Positional[Index0 % arguments.Positional.Length];

    private bool HasChanged(object?[] values)
    {
        if (_last is not null && Comparing.AreEqual(new TemplateTuple(_last), new TemplateTuple(values)))
        {
            return false;
        }

        _last = values;
        return true;
    }
}
