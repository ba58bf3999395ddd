namespace Slipway.Tokenization.Templates.Values;

/// <summary>Python's <c>iter</c> and <c>len</c>.</summary>
internal static class Iteration
{
    private static readonly string[] Ascii = [.. Enumerable.Range(0, 128).Select(code => ((char)code).ToString())];

    /// <summary>
    /// The items of a list, the keys of a dictionary, the characters of a text; none of what is undefined.
    /// </summary>
    public static List<object?> Of(object? value) => TryOf(value)
        ?? throw Work.Error($"{PythonText.ShortRepr(value)} cannot be iterated.");

    /// <summary>The same; null where a value has no items.</summary>
    public static List<object?>? TryOf(object? value)
    {
        switch (value)
        {
            case List<object?> list:
                return list;
            case TemplateDictionary fields:
                Work.Count(1 + (fields.Count / 4));
                return [.. fields.Keys];
            case string text:
                return Characters(text);
            case Markup markup:
                return Characters(markup.Text);
            case Generator generator:
                return generator.TakeAll();
            case Undefined:
                return [];
            default:
                return null;
        }
    }

    /// <summary>True where a value can be iterated; takes nothing from it.</summary>
    public static bool Is(object? value) =>
        value is List<object?> or TemplateDictionary or string or Markup or Generator or Undefined;

    public static object Length(object? value) => value switch
    {
        string text => CodePoints(text),
        Markup markup => CodePoints(markup.Text),
        List<object?> list => (long)list.Count,
        TemplateDictionary fields => (long)fields.Count,
        LoopState loop => loop.Length,
        Undefined => 0L,
        _ => throw Work.Error($"{PythonText.ShortRepr(value)} has no length."),
    };

    /// <summary>The count of code points, in which Python measures texts.</summary>
    public static long CodePoints(ReadOnlySpan<char> text)
    {
        long count = text.Length;
        for (var i = 1; i < text.Length; i++)
        {
            count -= char.IsLowSurrogate(text[i]) && char.IsHighSurrogate(text[i - 1]) ? 1 : 0;
        }

        return count;
    }

    private static List<object?> Characters(string text)
    {
        Work.Count(1 + (text.Length / 4));
        return [.. text.EnumerateRunes().Select(rune => (object?)(rune.IsAscii ? Ascii[rune.Value] : rune.ToString()))];
    }
}
