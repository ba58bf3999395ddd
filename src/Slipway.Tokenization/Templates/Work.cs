using System.Numerics;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>
/// Counts the work of the rendering that this thread is at, so that no template runs or grows without end.
/// </summary>
/// <remarks>
/// One unit is a step of the template, 64 characters that are read or made, or one item of a list. Whatever walks over
/// a value says so here before it walks, as values can share their parts and be far longer written than they are held.
/// </remarks>
internal sealed class Work
{
    /// <summary>The longest text, and the most list items, that a template may make.</summary>
    public const int MaxLength = 4 << 20;

    /// <summary>The longest template.</summary>
    public const int MaxSource = 1 << 20;

    private const long MaxCost = 3_000_000;
    private const int CharactersPerUnit = 64, ComparisonsPerUnit = 512, BitPairsPerUnit = 1 << 16;

    [ThreadStatic]
    private static Work? _s_current;

    private readonly Work? _outer;
    private readonly CancellationToken _cancellationToken;
    private long _cost;
    private int _line = 1;

    private Work(Work? outer, CancellationToken cancellationToken) =>
        (_outer, _cancellationToken) = (outer, cancellationToken);

    public static void Begin(CancellationToken cancellationToken)
        => _s_current = new Work(_s_current, cancellationToken);

    public static void End() => _s_current = _s_current?._outer;

    /// <summary>Notes the line that errors name.</summary>
    public static void At(int line)
    {
        if (_s_current is { } work)
        {
            work._line = line;
        }
    }

    /// <summary>The exception of a mistake in the line that is at work.</summary>
    public static ChatTemplateException Error(string message) => new(message, _s_current?._line ?? 1);

    /// <summary>Counts steps.</summary>
    /// <exception cref="OperationCanceledException">The rendering was cancelled.</exception>
    public static void Count(long amount = 1)
    {
        if (_s_current is { } work)
        {
            work._cancellationToken.ThrowIfCancellationRequested();
            if ((work._cost += Math.Min(amount, MaxCost + 1)) > MaxCost)
            {
                throw Error("the template does more work than a chat template may.");
            }
        }
    }

    /// <summary>Refuses what is too long to be made.</summary>
    public static void CheckLength(long length)
    {
        if (length > MaxLength)
        {
            throw Error($"a text or list grows past {MaxLength} items.");
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
        Count(1 + (length / CharactersPerUnit) + ((long)length * Math.Min(part, length) / ComparisonsPerUnit));

    /// <summary>Counts the conversion between a number and its digits, which takes the square of its length.</summary>
    public static void Digits(BigInteger number) =>
        Count(1 + (number.GetBitLength() * number.GetBitLength() / BitPairsPerUnit));

    /// <summary>Counts a value that goes into or comes out of a function.</summary>
    public static void Value(object? value)
    {
        switch (value)
        {
            case string text:
                Characters(text.Length);
                break;
            case Markup markup:
                Characters(markup.Text.Length);
                break;
            case List<object?> list:
                CheckLength(list.Count);
                Count(1 + (list.Count / 4));
                break;
            case TemplateDictionary fields:
                Count(1 + fields.Count);
                break;
            case BigInteger:
                Count(64);
                break;
        }
    }
}
