using Slipway.Tokenization.Templates.Formatting;
using Slipway.Tokenization.Templates.Methods;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Filters;

/// <summary>A filter: the computation, how many arguments must be given, and their names.</summary>
internal sealed record FilterFunction(
    Func<object?, CallArguments, object?> Apply, int Required, params string[] Parameters);

/// <summary>The table of filters: what may follow a bar.</summary>
internal static class FilterTable
{
    // Filters that exist and are refused: what they give depends on chance, on HTML or on the width of a screen.
    private static readonly string[] Unsupported = ["pprint", "random", "striptags", "urlize", "wordwrap"];

    public static Dictionary<string, FilterFunction> All { get; } = new(StringComparer.Ordinal)
    {
        ["abs"] = new((value, _) => NumberFilters.Abs(value), 0),
        ["attr"] = new((value, arguments) => ListFilters.Attr(value, arguments.String(0, "name")), 1, "name"),
        ["batch"] = new(ListFilters.Batch, 1, "linecount", "fill_with"),
        ["capitalize"] = new((value, _) => OnText(value, Casing.Capitalize), 0),
        ["center"] = new((value, arguments) => OnText(
            value, text => TextMethods.Center(text, arguments.Integer(0, "width", 80))), 0, "width"),
        ["count"] = new((value, _) => Iteration.Length(value), 0),
        ["d"] = new(Default, 0, "default_value", "boolean"),
        ["default"] = new(Default, 0, "default_value", "boolean"),
        ["dictsort"] = new(ListFilters.SortDictionary, 0, "case_sensitive", "by", "reverse"),
        ["e"] = new((value, _) => Escaped(value), 0),
        ["escape"] = new((value, _) => Escaped(value), 0),
        ["filesizeformat"] = new(
            (value, arguments) => NumberFilters.FileSize(value, arguments.Flag(0, "binary")), 0, "binary"),
        ["first"] = new((value, _) => ListFilters.First(value), 0),
        ["float"] = new(
            (value, arguments) => NumberFilters.ToFloat(value, arguments.Get(0, "default", 0.0)), 0, "default"),
        ["forceescape"] = new((value, _) => new Markup(Markup.Escape(PythonText.Str(value))), 0),
        ["format"] = new(Format, 0),
        ["groupby"] = new(ListFilters.GroupBy, 1, "attribute", "default", "case_sensitive"),
        ["indent"] = new(TextFilters.Indent, 0, "width", "first", "blank"),
        ["int"] = new((value, arguments) => NumberFilters.ToInteger(
            value, arguments.Get(0, "default", 0L), arguments.Integer(1, "base", 10)), 0, "default", "base"),
        ["items"] = new((value, _) => new Generator(value is Undefined ? [] : [.. Pairs(value)]), 0),
        ["join"] = new(TextFilters.Join, 0, "d", "attribute"),
        ["last"] = new((value, _) => ListFilters.Last(value), 0),
        ["length"] = new((value, _) => Iteration.Length(value), 0),
        ["list"] = new((value, _) => new List<object?>(Iteration.Of(value)), 0),
        ["lower"] = new((value, _) => OnText(value, Casing.Lower), 0),
        ["map"] = new(ListFilters.Map, 0),
        ["max"] = new(
            (value, arguments) => ListFilters.Extreme(value, arguments, ">"), 0, "case_sensitive", "attribute"),
        ["min"] = new(
            (value, arguments) => ListFilters.Extreme(value, arguments, "<"), 0, "case_sensitive", "attribute"),
        ["reject"] = new(
            (value, arguments) => ListFilters.Select(value, arguments, byAttribute: false, keep: false), 0),
        ["rejectattr"] = new(
            (value, arguments) => ListFilters.Select(value, arguments, byAttribute: true, keep: false), 0),
        ["replace"] = new(TextFilters.Replace, 2, "old", "new", "count"),
        ["reverse"] = new((value, _) => ListFilters.Reverse(value), 0),
        ["round"] = new(NumberFilters.Round, 0, "precision", "method"),
        ["safe"] = new((value, _) => new Markup(PythonText.Str(value)), 0),
        ["select"] = new((value, arguments) => ListFilters.Select(value, arguments, byAttribute: false, keep: true), 0),
        ["selectattr"] = new(
            (value, arguments) => ListFilters.Select(value, arguments, byAttribute: true, keep: true), 0),
        ["slice"] = new(ListFilters.Slice, 1, "slices", "fill_with"),
        ["sort"] = new(ListFilters.Sort, 0, "reverse", "case_sensitive", "attribute"),
        ["string"] = new((value, _) => value is Markup ? value : PythonText.Str(value), 0),
        ["sum"] = new(ListFilters.Sum, 0, "attribute", "start"),
        ["title"] = new((value, _) => TextFilters.Title(PythonText.Str(value)), 0),
        ["tojson"] = new(Json.Dump, 0, "ensure_ascii", "indent", "separators", "sort_keys"),
        ["trim"] = new((value, arguments) => OnText(
            value, text => TextMethods.Strip(text, arguments, start: true, end: true)), 0, "chars"),
        ["truncate"] = new(TextFilters.Truncate, 0, "length", "killwords", "end", "leeway"),
        ["unique"] = new(ListFilters.Unique, 0, "case_sensitive", "attribute"),
        ["upper"] = new((value, _) => OnText(value, Casing.Upper), 0),
        ["urlencode"] = new((value, _) => TextFilters.UrlEncode(value), 0),
        ["wordcount"] = new((value, _) => TextFilters.CountWords(PythonText.Str(value)), 0),
        ["xmlattr"] = new(TextFilters.XmlAttributes, 0, "autospace"),
    };

    /// <summary>Applies a filter by its name.</summary>
    public static object? Apply(string name, object? value, CallArguments arguments)
    {
        if (!All.TryGetValue(name, out var filter))
        {
            throw Work.Error(Unsupported.Contains(name)
                ? $"the filter '{name}' is not supported in chat templates."
                : $"there is no filter '{Quoted.Short(name)}'.");
        }

        Work.Value(value);
        if (name is not ("format" or "map" or "select" or "reject" or "selectattr" or "rejectattr"))
        {
            arguments.Check(name, filter.Parameters, filter.Required);
        }

        var result = filter.Apply(value, arguments);
        Work.Value(result);
        return result;
    }

    /// <summary>The entries of a dictionary as pairs.</summary>
    public static IEnumerable<object?> Pairs(object? value) => value is TemplateDictionary fields
        ? DictionaryMethods.Pairs(fields) : throw Work.Error($"{PythonText.ShortRepr(value)} has no items.");

    // The text that a value prints; what is made of a markup is one.
    private static object OnText(object? value, Func<string, string> change) =>
        value is Markup markup ? new Markup(change(markup.Text)) : change(PythonText.Str(value));

    private static object Escaped(object? value) => value as Markup ?? new Markup(Markup.Escape(PythonText.Str(value)));

    private static object? Default(object? value, CallArguments arguments) =>
        value is Undefined || (arguments.Flag(1, "boolean") && !Truth.Of(value))
            ? arguments.Get(0, "default_value", string.Empty) : value;

    private static object? Format(object? value, CallArguments arguments)
    {
        if (arguments.Positional.Length > 0 && arguments.Named.Count > 0)
        {
            throw Work.Error("'format' takes values in order or by name, not both.");
        }

        object? values = arguments.Named.Count > 0
            ? TemplateDictionary.Of(arguments.Named.Select(pair => ((object?)pair.Key, pair.Value)))
            : new TemplateTuple(arguments.Positional);
        return value is Markup markup ? new Markup(PercentFormat.Apply(markup.Text, values, escapes: true))
            : PercentFormat.Apply(PythonText.Str(value), values, escapes: false);
    }
}
