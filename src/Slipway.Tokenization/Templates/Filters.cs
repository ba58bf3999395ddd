namespace Slipway.Tokenization.Templates;

/// <summary>The table of filters: what may follow a bar.</summary>
internal static partial class Filters
{
    public static Dictionary<string, Func<object?, CallArguments, object?>> All { get; } = new(StringComparer.Ordinal)
    {
        ["tojson"] = Json,
        ["string"] = (value, _) => Python.Str(value),
        ["safe"] = (value, _) => value,
        ["trim"] = (value, arguments) => Methods.Trimmed(Python.Str(value), arguments, start: true, end: true),
        ["upper"] = (value, _) => Python.Str(value).ToUpperInvariant(),
        ["lower"] = (value, _) => Python.Str(value).ToLowerInvariant(),
        ["title"] = (value, _) => Methods.Title(Python.Str(value)),
        ["capitalize"] = (value, _) => Methods.Capitalize(Python.Str(value)),
        ["replace"] = (value, arguments) => Methods.Replace(Python.Str(value), arguments),
        ["indent"] = Indent,
        ["escape"] = (value, _) => Escape(Python.Str(value)),
        ["e"] = (value, _) => Escape(Python.Str(value)),
        ["default"] = Default,
        ["d"] = Default,
        ["length"] = (value, arguments) => Length(value, arguments),
        ["count"] = (value, arguments) => Length(value, arguments),
        ["first"] = (value, arguments) => Items(value, arguments) is [var first, ..] ? first : new Undefined("there is no first item"),
        ["last"] = (value, arguments) => Items(value, arguments) is [.., var last] ? last : new Undefined("there is no last item"),
        ["list"] = (value, arguments) => Items(value, arguments).ToList(),
        ["items"] = (value, arguments) => value is Undefined ? new List<object?>() : Pairs(value, arguments),
        ["dictsort"] = (value, arguments) => Pairs(value, arguments)
            .OrderBy(pair => ((string)((List<object?>)pair!)[0]!).ToLowerInvariant(), StringComparer.Ordinal).ToList(),
        ["join"] = Join,
        ["map"] = Map,
        ["select"] = (value, arguments) => Select(value, arguments, byAttribute: false, keep: true),
        ["reject"] = (value, arguments) => Select(value, arguments, byAttribute: false, keep: false),
        ["selectattr"] = (value, arguments) => Select(value, arguments, byAttribute: true, keep: true),
        ["rejectattr"] = (value, arguments) => Select(value, arguments, byAttribute: true, keep: false),
        ["sort"] = Sort,
        ["unique"] = (value, arguments) => Unique(value, arguments),
        ["reverse"] = (value, arguments) => value is string text
            ? string.Concat(text.EnumerateRunes().Reverse()) : Items(value, arguments).AsEnumerable().Reverse().ToList(),
        ["int"] = (value, arguments) => ToInteger(value, arguments.Get(0, "default", 0L)),
        ["float"] = (value, arguments) => ToFloat(value, arguments.Get(0, "default", 0.0)),
        ["abs"] = (value, arguments) => value switch
        {
            long number and > long.MinValue => (object)Math.Abs(number),
            double number => Math.Abs(number),
            _ => throw arguments.Error($"'abs' needs a number, not {Python.Repr(value)}."),
        },
        ["round"] = (value, arguments) => Values.AsNumber(value) is { } number
            ? Math.Round(number, (int)Math.Clamp(arguments.Integer(0, "precision", 0), 0, 15))
            : throw arguments.Error($"'round' needs a number, not {Python.Repr(value)}."),
        ["sum"] = (value, arguments) => Items(value, arguments).Aggregate((object?)0L, (total, item) =>
            Arithmetic.Compute("+", total, item, arguments.Line)),
        ["min"] = (value, arguments) => Items(value, arguments).OrderBy(item => item, Order(arguments)).FirstOrDefault(),
        ["max"] = (value, arguments) => Items(value, arguments).OrderByDescending(item => item, Order(arguments)).FirstOrDefault(),
        ["attr"] = (value, arguments) => Evaluator.Attribute(value, arguments.String(0, "name"), arguments.Line),
        ["wordcount"] = (value, _) =>
            (long)Python.Str(value).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length,
    };

    private static List<object?> Items(object? value, CallArguments arguments) => Evaluator.Iterate(value, arguments.Line);

    private static List<object?> Pairs(object? value, CallArguments arguments) =>
        value is OrderedDictionary<string, object?> fields
            ? [.. fields.Select(pair => (object?)new List<object?> { pair.Key, pair.Value })]
            : throw arguments.Error($"{Python.Repr(value)} has no items.");

    private static object? Default(object? value, CallArguments arguments) =>
        value is Undefined || (Values.IsTrue(arguments.Get(1, "boolean", false)) && !Values.IsTrue(value))
            ? arguments.Get(0, "default_value", string.Empty) : value;

    private static long Length(object? value, CallArguments arguments) => value switch
    {
        string text => (long)text.EnumerateRunes().Count(),
        List<object?> list => (long)list.Count,
        OrderedDictionary<string, object?> fields => (long)fields.Count,
        Undefined => 0L,
        _ => throw arguments.Error($"{Python.Repr(value)} has no length."),
    };
}
