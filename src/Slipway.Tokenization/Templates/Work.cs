namespace Slipway.Tokenization.Templates;

/// <summary>Counts the work of the rendering that this thread is at, so that no template runs or grows without end.</summary>
/// <remarks>
/// One unit is a step of the template, 64 characters that are read or made, or one item of a list. Whatever walks over
/// a value says so here before it walks, as values can share their parts and be far longer written than they are held.
/// </remarks>
internal sealed class Work
{
    /// <summary>The longest text, and the most list items, that a template may make.</summary>
    public const int MaximumLength = 4 << 20;

    /// <summary>The longest template.</summary>
    public const int MaximumSource = 1 << 20;

    private const long MaximumCost = 5_000_000;
    private const int CharactersPerUnit = 64, ComparisonsPerUnit = 4096;

    [ThreadStatic]
    private static Work? current;

    private readonly Work? outer;
    private long cost;
    private int line = 1;

    private Work(Work? outer) => this.outer = outer;

    public static void Begin() => current = new Work(current);

    public static void End() => current = current?.outer;

    /// <summary>Notes the line that errors name.</summary>
    public static void At(int line)
    {
        if (current is { } work)
        {
            work.line = line;
        }
    }

    /// <summary>Counts steps.</summary>
    public static void Count(long amount = 1)
    {
        if (current is { } work && (work.cost += Math.Min(amount, MaximumCost + 1)) > MaximumCost)
        {
            throw new ChatTemplateException("the template does more work than a chat template may.", work.line);
        }
    }

    /// <summary>Refuses what is too long to be made.</summary>
    public static void CheckLength(long length)
    {
        if (length > MaximumLength)
        {
            throw new ChatTemplateException($"a text or list grows past {MaximumLength} items.", current?.line ?? 1);
        }
    }

    /// <summary>Counts characters that are read or made.</summary>
    public static void Characters(long count)
    {
        CheckLength(count);
        Count(1 + (count / CharactersPerUnit));
    }

    /// <summary>Counts the search for a text in another, which may compare every pair of characters.</summary>
    public static void Search(int length, int part) =>
        Count(1 + (length / CharactersPerUnit) + ((long)length * part / ComparisonsPerUnit));

    /// <summary>Counts a value that goes into or comes out of a function.</summary>
    public static void Value(object? value)
    {
        switch (value)
        {
            case string text:
                Characters(text.Length);
                break;
            case List<object?> list:
                CheckLength(list.Count);
                Count(1 + (list.Count / 4));
                break;
            case OrderedDictionary<string, object?> fields:
                Count(1 + fields.Count);
                break;
        }
    }
}
