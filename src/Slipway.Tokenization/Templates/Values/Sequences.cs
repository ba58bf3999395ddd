namespace Slipway.Tokenization.Templates.Values;

/// <summary>A tuple: a list that prints in parentheses and equals tuples only.</summary>
internal class TemplateTuple(IEnumerable<object?> items) : List<object?>(items);

/// <summary>A group of <c>groupby</c>: a tuple whose parts have names.</summary>
internal sealed class Group(object? grouper, List<object?> items) : TemplateTuple([grouper, items]), IAttributes
{
    public bool TryGet(string attribute, out object? value)
    {
        value = attribute == "list" ? this[1] : this[0];
        return attribute is "grouper" or "list";
    }
}

/// <summary>The numbers of <c>range</c>.</summary>
internal sealed class Range(long start, long stop, long step, IEnumerable<object?> numbers) : List<object?>(numbers)
{
    public long Start => start;

    public long Step => step;

    public string Repr => step == 1 ? $"range({start}, {stop})" : $"range({start}, {stop}, {step})";
}

/// <summary>The keys, values or pairs of a dictionary, which cannot be indexed.</summary>
internal sealed class DictionaryView(string name, IEnumerable<object?> items) : List<object?>(items)
{
    /// <summary>Python's name of the type, such as <c>dict_items</c>.</summary>
    public string Name => name;
}

/// <summary>Items that are read once, as filters such as <c>map</c> give them; it has no length and is true.</summary>
internal sealed class Generator(List<object?> items)
{
    private int _at;

    /// <summary>Takes the next item; false at the end.</summary>
    public bool TryTake(out object? item)
    {
        var some = _at < items.Count;
        item = some ? items[_at++] : null;
        return some;
    }

    /// <summary>Takes what is left.</summary>
    public List<object?> TakeAll()
    {
        var rest = _at == 0 ? items : items[_at..];
        _at = items.Count;
        return rest;
    }
}
