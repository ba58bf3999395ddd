using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>The methods of dictionaries that change nothing.</summary>
internal static class DictionaryMethods
{
    private static readonly Dictionary<string, Method<TemplateDictionary>> All = new(StringComparer.Ordinal)
    {
        ["items"] = new((fields, _) => new DictionaryView("dict_items", Pairs(fields)), 0),
        ["keys"] = new((fields, _) => new DictionaryView("dict_keys", Counted(fields).Keys), 0),
        ["values"] = new((fields, _) => new DictionaryView("dict_values", Counted(fields).Values), 0),
        ["get"] = new(
            (fields, arguments) => fields.TryGet(arguments.Get(0, "key"), out var value)
                ? value : arguments.Get(1, "default"),
            1, "key", "default"),
        ["copy"] = new((fields, _) => fields, 0),
    };

    public static object? Find(TemplateDictionary fields, string name) => name switch
    {
        "clear" or "pop" or "popitem" or "setdefault" or "update" => Members.Forbidden(name, "a dictionary"),
        "fromkeys" => throw Members.Unsupported(name, "a dictionary"),
        _ => All.TryGetValue(name, out var method) ? method.Bind(name, fields) : null,
    };

    /// <summary>The entries as pairs.</summary>
    public static IEnumerable<object?> Pairs(TemplateDictionary fields) =>
        Counted(fields).Items.Select(pair => (object?)new TemplateTuple([pair.Key, pair.Value]));

    private static TemplateDictionary Counted(TemplateDictionary fields)
    {
        Work.Count(1 + fields.Count);
        return fields;
    }
}
