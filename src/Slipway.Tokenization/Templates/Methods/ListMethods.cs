using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Methods;

/// <summary>The methods of lists, tuples and ranges that change nothing.</summary>
internal static class ListMethods
{
    private static readonly Dictionary<string, Method<List<object?>>> All = new(StringComparer.Ordinal)
    {
        ["index"] = new((list, arguments) => Index(list, arguments), 1, "value", "start", "stop"),
        ["count"] = new(
            (list, arguments) => (long)list.Count(item => Comparing.AreEqual(item, arguments.Get(0, "value"))), 1,
            "value"),
        ["copy"] = new((list, _) => list, 0),
    };

    public static object? Find(List<object?> list, string name) => name switch
    {
        _ when list is DictionaryView => name is "isdisjoint" or "mapping"
            ? throw Members.Unsupported(name, "a view") : null,
        "copy" when list is TemplateTuple or Values.Range => null,
        "append" or "extend" or "insert" or "pop" or "remove" or "clear" or "sort" or "reverse"
            when list is not (TemplateTuple or Values.Range) => Members.Forbidden(name, "a list"),
        "start" or "stop" or "step" when list is Values.Range => throw Members.Unsupported(name, "a range"),
        _ => All.TryGetValue(name, out var method) ? method.Bind(name, list) : null,
    };

    private static long Index(List<object?> list, CallArguments arguments)
    {
        var from = Bound(arguments.Integer(1, "start", 0));
        var to = Bound(arguments.Integer(2, "stop", int.MaxValue));
        for (var i = from; i < to; i++)
        {
            if (Comparing.AreEqual(list[i], arguments.Get(0, "value")))
            {
                return i;
            }
        }

        throw Work.Error($"{PythonText.ShortRepr(arguments.Get(0, "value"))} is not in the list.");

        int Bound(long at) => (int)Math.Clamp(at < 0 ? at + list.Count : at, 0, list.Count);
    }
}
