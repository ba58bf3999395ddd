namespace Slipway.Tokenization.Templates;

/// <summary>The <c>loop</c> variable.</summary>
internal static class Loop
{
    public static OrderedDictionary<string, object?> At(List<object?> items, int index) => new()
    {
        ["index"] = (long)index + 1,
        ["index0"] = (long)index,
        ["revindex"] = (long)(items.Count - index),
        ["revindex0"] = (long)(items.Count - index - 1),
        ["first"] = index == 0,
        ["last"] = index == items.Count - 1,
        ["length"] = (long)items.Count,
        ["previtem"] = index > 0 ? items[index - 1] : new Undefined("there is no previous item"),
        ["nextitem"] = index + 1 < items.Count ? items[index + 1] : new Undefined("there is no next item"),
        ["cycle"] = new Callable("cycle", arguments => arguments.Positional.Length == 0
            ? throw arguments.Error("'loop.cycle' needs arguments.")
            : arguments.Positional[index % arguments.Positional.Length]),
    };
}
