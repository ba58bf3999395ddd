using Slipway.Guidance.Json.Values;
using static Slipway.Guidance.GrammarElement;

namespace Slipway.Guidance.Json;

/// <summary>Builds the grammar of arrays of a shape.</summary>
internal sealed class ArrayGrammar(ArrayShape shape, ValueGrammar values)
{
    private const int MaxContains = 4;
    private const int MaxTails = 4_000;

    private readonly Dictionary<string, RuleElement> _tails = new(StringComparer.Ordinal);
    private readonly Queue<(int Index, int[] Counts, RuleElement Tail)> _open = [];

    // From here on items differ in nothing but what was counted.
    private readonly int _turn = Math.Max(
        Math.Max(shape.Prefix.Count, shape.Contains.Select(containment => containment.From).Append(0).Max()),
        Math.Min(Math.Max(shape.Min, Math.Min(shape.Max ?? -1, MaxTails) + 1), MaxTails));

    public GrammarElement Build()
    {
        if (shape.Contains.Count > MaxContains)
        {
            throw new UnguaranteedException($"more than {MaxContains} times 'contains'");
        }

        if (shape.IsUnique && shape.Max is not <= 1)
        {
            return Sequence(Literal("["), new UniqueItems(shape, values).Build());
        }

        return Sequence(Literal("["), shape.Contains.Count == 0 ? Plain() : Counted());
    }

    public static GrammarElement End(int index)
        => index == 0 ? Literal("]") : Sequence(JsonGrammar.Break, Literal("]"));

    public static GrammarElement Before(int index) => index == 0 ? JsonGrammar.Break : JsonGrammar.Comma;

    // An array of which nothing is counted but its length, made from its end to its start.
    private GrammarElement Plain()
    {
        var index = Math.Min(shape.Prefix.Count, shape.Max ?? int.MaxValue);
        var tail = index < shape.Prefix.Count ? End(index) : Rest(index);
        while (index-- > 0)
        {
            var further = Sequence(Before(index), values.Of(shape.At(index)), tail);
            tail = index >= shape.Min ? OneOf(End(index), further) : further;
        }

        return tail;
    }

    // What follows the items that are told one by one.
    private GrammarElement Rest(int index)
    {
        var item = values.Of(shape.Rest);
        var (min, max) = (Math.Max(shape.Min - index, 0), shape.Max - index);
        if (index > 0)
        {
            return Sequence(
                Repeat(Sequence(JsonGrammar.Comma, item), min, max is null ? null : Math.Max(max.Value, 0)),
                End(index));
        }

        if (max <= 0)
        {
            return End(0);
        }

        var items = Sequence(
            Before(0), item, Repeat(Sequence(JsonGrammar.Comma, item), Math.Max(min - 1, 0), max - 1), End(1));
        return min == 0 ? OneOf(End(0), items) : items;
    }

    // An array where some items are counted. Tails are made one after the other: counts of a caller must not become
    // depth.
    private RuleElement Counted()
    {
        var start = Tail(0, new int[shape.Contains.Count]);
        while (_open.TryDequeue(out var open))
        {
            var (index, counts, tail) = open;
            var choices = new List<GrammarElement>();
            if (index >= shape.Min
                && shape.Contains.Select((containment, i) => counts[i] >= containment.Min).All(isMet => isMet))
            {
                choices.Add(End(index));
            }

            if (shape.Max is null || index < shape.Max)
            {
                foreach (var (item, after) in Items(index, counts).Where(row => !row.Item.IsFalse))
                {
                    choices.Add(
                        Sequence(Before(index), values.Of(item), Tail(Math.Min(index + 1, Math.Max(_turn, 1)), after)));
                }
            }

            tail.Definition = choices.Count == 0 ? ValueGrammar.Nothing : OneOf(choices);
        }

        return start;
    }

    // The rest of an array from an item on, defined once its turn comes.
    private RuleElement Tail(int index, int[] counts)
    {
        var key = $"{index}:{string.Join(',', counts)}";
        if (!_tails.TryGetValue(key, out var tail))
        {
            if (_tails.Count == MaxTails)
            {
                throw new UnguaranteedException("'contains' with such large counts");
            }

            _tails[key] = tail = new();
            _open.Enqueue((index, counts, tail));
        }

        return tail;
    }

    // What the item may be, and what has been counted after it.
    private IEnumerable<(Formula Item, int[] Counts)> Items(int index, int[] counts)
    {
        IEnumerable<(Formula Item, int[] Counts)> items = [(shape.At(index), counts)];
        for (var i = 0; i < shape.Contains.Count; i++)
        {
            var (containment, at) = (shape.Contains[i], i);
            items = items.SelectMany(row => Split(row.Item, row.Counts, containment, at, index)).ToArray();
        }

        return items;
    }

    private static IEnumerable<(Formula Item, int[] Counts)> Split(
        Formula item, int[] counts, Containment containment, int at, int index)
    {
        if (index < containment.From || (containment.Max is null && counts[at] >= containment.Min))
        {
            return [(item, counts)];
        }

        var further = counts.ToArray();
        further[at]++;
        var (isOne, isNone) = (item.And(containment.Item), containment.Item.Complement().Select(item.And));
        return containment.Max is not { } max

            // An item that is one may also be passed over, which counts too few at worst.
            ? [(isOne, further), (item, counts)]
            : [.. counts[at] < max
                ? [(isOne, further)] : Array.Empty<(Formula, int[])>(), .. isNone.Select(none => (none, counts))];
    }
}
