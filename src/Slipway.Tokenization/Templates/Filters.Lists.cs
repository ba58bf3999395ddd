namespace Slipway.Tokenization.Templates;

/// <content>Filters that walk over lists.</content>
internal static partial class Filters
{
    private static List<object?> Map(object? value, CallArguments arguments)
    {
        List<object?> items = Items(value, arguments);
        if (arguments.Named.TryGetValue("attribute", out object? attribute))
        {
            object? missing = arguments.Named.GetValueOrDefault("default", new Undefined("the attribute is undefined"));
            return [.. items.Select(item => Path(item, Python.Str(attribute), arguments.Line) is { } found and not Undefined
                ? found : missing)];
        }

        string name = arguments.String(0, "filter");
        CallArguments rest = arguments with { Positional = [.. arguments.Positional.Skip(1)] };
        return All.TryGetValue(name, out Func<object?, CallArguments, object?>? filter)
            ? [.. items.Select(item => Counted(filter, item, rest))]
            : throw arguments.Error($"there is no filter '{name}'.");
    }

    private static object? Counted(Func<object?, CallArguments, object?> filter, object? item, CallArguments arguments)
    {
        Work.Value(item);
        object? result = filter(item, arguments);
        Work.Value(result);
        return result;
    }

    private static List<object?> Select(object? value, CallArguments arguments, bool byAttribute, bool keep)
    {
        int first = byAttribute ? 1 : 0;
        string? attribute = byAttribute ? arguments.String(0, "attribute") : null;
        Func<object?, object?[], int, bool> test = static (item, _, _) => Values.IsTrue(item);
        if (arguments.Positional.Length > first)
        {
            string name = arguments.String(first, "test");
            test = Tests.All.GetValueOrDefault(name) ?? throw arguments.Error($"there is no test '{name}'.");
        }

        object?[] rest = arguments.Positional.Length > first + 1 ? arguments.Positional[(first + 1)..] : [];
        return [.. Items(value, arguments).Where(item =>
        {
            object? tested = attribute is null ? item : Path(item, attribute, arguments.Line);
            Work.Value(tested);
            return test(tested, rest, arguments.Line) == keep;
        })];
    }

    private static List<object?> Sort(object? value, CallArguments arguments)
    {
        string? attribute = arguments.Named.GetValueOrDefault("attribute") as string;
        object? Key(object? item) => attribute is null ? item : Path(item, attribute, arguments.Line);
        Comparer<object?> order = Order(arguments);
        List<object?> items = Items(value, arguments);
        return Values.IsTrue(arguments.Get(0, "reverse", false))
            ? [.. items.OrderByDescending(Key, order)] : [.. items.OrderBy(Key, order)];
    }

    // Texts are compared without regard to case, as Jinja does unless told otherwise.
    private static Comparer<object?> Order(CallArguments arguments) => Comparer<object?>.Create((left, right) =>
    {
        Work.Value(left);
        Work.Value(right);
        object? Folded(object? value) =>
            value is string text && !Values.IsTrue(arguments.Named.GetValueOrDefault("case_sensitive")) ? text.ToLowerInvariant() : value;
        (left, right) = (Folded(left), Folded(right));
        return Values.Equals(left, right) ? 0 : Arithmetic.Ordered("<", left, right, arguments.Line) ? -1 : 1;
    });

    private static List<object?> Unique(object? value, CallArguments arguments)
    {
        List<object?> result = [];
        foreach (object? item in Items(value, arguments))
        {
            if (!result.Any(seen => Values.Equals(seen, item)))
            {
                result.Add(item);
            }
        }

        return result;
    }

    private static object? Path(object? item, string path, int line)
    {
        foreach (string name in path.Split('.'))
        {
            item = item is OrderedDictionary<string, object?> fields
                ? fields.TryGetValue(name, out object? value) ? value : new Undefined($"the attribute '{name}' is undefined")
                : Evaluator.Attribute(item, name, line);
        }

        return item;
    }
}
