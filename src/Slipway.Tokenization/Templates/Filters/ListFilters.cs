using System.Globalization;
using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Filters;

/// <summary>Filters that walk over lists.</summary>
internal static class ListFilters
{
    private const int MaxSlices = 100_000;

    public static Generator Map(object? value, CallArguments arguments)
    {
        if (arguments.Positional.Length == 0 && arguments.Named.TryGetValue("attribute", out var attribute))
        {
            if (arguments.Named.Keys.FirstOrDefault(name => name is not ("attribute" or "default")) is { } unknown)
            {
                throw Work.Error($"'map' takes no argument '{Quoted.Short(unknown)}' beside 'attribute'.");
            }

            var path = Getter(attribute, arguments.Named.GetValueOrDefault("default"));
            return Over(value, items => items.Select(path));
        }

        var name = arguments.Positional.Length > 0 ? arguments.String(0, "filter")
            : throw Work.Error("'map' needs the name of a filter.");
        var rest = arguments with { Positional = arguments.Positional[1..] };
        return Over(value, items => items.Select(item => FilterTable.Apply(name, item, rest)));
    }

    public static Generator Select(object? value, CallArguments arguments, bool byAttribute, bool keep)
    {
        var first = byAttribute ? 1 : 0;
        if (arguments.Positional.Length < first)
        {
            throw Work.Error("the name of an attribute is missing.");
        }

        var tested = byAttribute ? Getter(arguments.Positional[0], null) : static item => item;
        var rest = arguments with { Positional = arguments.Positional.Length > first
            ? arguments.Positional[(first + 1)..] : [] };
        Func<object?, bool> test = arguments.Positional.Length > first
            ? item => TestTable.Holds(arguments.String(first, "test"), item, rest)
            : Truth.Of;
        return Over(value, items => items.Where(item => test(tested(item)) == keep));
    }

    public static List<object?> Sort(object? value, CallArguments arguments)
    {
        var attribute = arguments.Get(2, "attribute");
        var getters = (attribute is string paths ? (object?[])paths.Split(',') : [attribute])
            .Select(path => Getter(path, null)).ToArray();
        var folded = !arguments.Flag(1, "case_sensitive");
        return Comparing.Sort(
            Iteration.Of(value), item => getters.Select(getter => Folded(getter(item), folded)).ToList(),
            Reversed(arguments, 0));
    }

    public static List<object?> SortDictionary(object? value, CallArguments arguments)
    {
        var by = arguments.Get(1, "by", "key") switch
        {
            "key" => 0,
            "value" => 1,
            var other =>
                throw Work.Error($"'dictsort' sorts by 'key' or 'value', not by {PythonText.ShortRepr(other)}."),
        };
        var folded = !arguments.Flag(0, "case_sensitive");
        return Comparing.Sort(
            [.. FilterTable.Pairs(value)], pair => Folded(((TemplateTuple)pair!)[by], folded), Reversed(arguments, 2));
    }

    public static List<object?> GroupBy(object? value, CallArguments arguments)
    {
        var getter = Getter(arguments.Get(0, "attribute"), arguments.Get(1, "default"));
        var folded = !arguments.Flag(2, "case_sensitive");
        object? Key(object? item) => Folded(getter(item), folded);
        List<object?> groups = [];
        List<object?> group = [];
        foreach (var item in Comparing.Sort(Iteration.Of(value), Key, reverse: false))
        {
            if (group.Count == 0 || !Comparing.AreEqual(Key(group[0]), Key(item)))
            {
                group = [];
                groups.Add(new Group(getter(item), group));
                ((Group)groups[^1]!)[1] = group;
            }

            group.Add(item);
        }

        return groups;
    }

    public static Generator Unique(object? value, CallArguments arguments)
    {
        var getter = Getter(arguments.Get(1, "attribute"), null);
        var folded = !arguments.Flag(0, "case_sensitive");
        TemplateDictionary seen = new();
        return Over(value, items => items.Where(item =>
        {
            var key = Folded(getter(item), folded);
            var isNew = !seen.TryGet(key, out _);
            seen[key] = true;
            return isNew;
        }));
    }

    public static object? Extreme(object? value, CallArguments arguments, string name)
    {
        var getter = Getter(arguments.Get(1, "attribute"), null);
        var folded = !arguments.Flag(0, "case_sensitive");
        object? best = new Undefined("there is no item to choose from");
        var bestKey = best;
        foreach (var item in Iteration.Of(value))
        {
            var key = Folded(getter(item), folded);
            if (best is Undefined && ReferenceEquals(best, bestKey) || Comparing.Ordered(name, key, bestKey))
            {
                (best, bestKey) = (item, key);
            }
        }

        return best;
    }

    public static object? Sum(object? value, CallArguments arguments)
    {
        var getter = Getter(arguments.Get(0, "attribute"), null);
        var start = arguments.Get(1, "start", 0L);
        return start is string ? throw Work.Error("'sum' adds numbers or lists, not texts. Use 'join'.")
            : Iteration.Of(value).Aggregate(start, (total, item) => Arithmetic.Compute("+", total, getter(item)));
    }

    public static Generator Batch(object? value, CallArguments arguments)
    {
        var size = arguments.Integer(0, "linecount");
        var fill = arguments.Get(1, "fill_with");
        List<object?> batches = [];
        List<object?>? batch = null;
        foreach (var item in Iteration.Of(value))
        {
            Work.Count();
            if (batch is null || batch.Count == size)
            {
                batches.Add(batch = []);
            }

            batch.Add(item);
        }

        if (batch is not null && fill is not null && batch.Count < size)
        {
            Work.CheckLength(size);
            Work.Count(size / 4);
            batch.AddRange(Enumerable.Repeat(fill, (int)size - batch.Count));
        }

        return new Generator(batches);
    }

    public static Generator Slice(object? value, CallArguments arguments)
    {
        var slices = arguments.Integer(0, "slices");
        var fill = arguments.Get(1, "fill_with");
        var items = Iteration.Of(value);
        if (slices is 0 or > MaxSlices)
        {
            throw Work.Error($"'slice' makes 1 to {MaxSlices} lists, not {slices}.");
        }

        Work.Count(1 + items.Count + Math.Max(0, slices));
        List<object?> result = [];
        for (var slice = 0; slice < slices; slice++)
        {
            var (size, extra) = Math.DivRem(items.Count, (int)slices);
            var start = (slice * size) + Math.Min(slice, extra);
            var part = items[start..(start + size + (slice < extra ? 1 : 0))];
            if (fill is not null && slice >= extra)
            {
                part.Add(fill);
            }

            result.Add(part);
        }

        return new Generator(result);
    }

    public static object? First(object? value)
    {
        if (value is Generator generator)
        {
            return generator.TryTake(out var next) ? next : new Undefined("there is no first item");
        }

        return Iteration.Of(value) is [var first, ..] ? first : new Undefined("there is no first item");
    }

    public static object? Last(object? value) => value is Generator
        ? throw Work.Error("'last' needs a list, not a generator. Put '| list' before it.")
        : Iteration.Of(value) is [.., var last] ? last : new Undefined("there is no last item");

    public static object? Reverse(object? value)
    {
        if (value is string or Markup)
        {
            return Slicing.Take(value, null, null, -1L);
        }

        List<object?> reversed = [.. Iteration.Of(value)];
        reversed.Reverse();
        return value is Generator ? reversed : new Generator(reversed);
    }

    public static object? Attr(object? value, string name) => value is Undefined ? Members.Attribute(value, name)
        : Members.Own(value, name, out var own)
            ? own : new Undefined($"the attribute '{Quoted.Short(name)}' is undefined");

    /// <summary>Looks an attribute up by its path: names and numbers with points between them.</summary>
    /// <param name="path">A text or a number; null for the item itself.</param>
    /// <param name="missing">Taken where a step finds nothing; null for none.</param>
    public static Func<object?, object?> Getter(object? path, object? missing)
    {
        object?[] parts = path switch
        {
            null => [],
            string text => [.. text.Split('.').Select(part =>
                part.Length is > 0 and < 10 && part.All(char.IsAsciiDigit)
                    ? (object?)long.Parse(part, CultureInfo.InvariantCulture) : part)],
            _ => [path],
        };
        return item =>
        {
            Work.Count(1 + parts.Length);
            foreach (var part in parts)
            {
                item = Members.Item(item, part);
                item = item is Undefined && missing is not null ? missing : item;
            }

            return item;
        };
    }

    private static bool Reversed(CallArguments arguments, int index) => arguments.Integer(index, "reverse", 0) != 0;

    private static object? Folded(object? value, bool folds)
    {
        if (folds && value is (string or Markup))
        {
            Work.Value(value);
            return Casing.Lower(PythonText.Str(value));
        }

        return value;
    }

    // A value that is false gives nothing, whatever it is.
    private static Generator Over(object? value, Func<List<object?>, IEnumerable<object?>> change) =>
        new(Truth.Of(value) ? [.. change(Iteration.Of(value))] : []);
}
