using System.Numerics;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's slices and character positions, which count code points.</summary>
internal static class Slicing
{
    public static object Character(string text, long at)
    {
        Work.Characters(text.Length);
        if (!text.AsSpan().ContainsAnyInRange('\ud800', '\udfff'))
        {
            at += at < 0 ? text.Length : 0;
            return at >= 0 && at < text.Length
                ? text[(int)at].ToString() : new Undefined($"the text has no character {at}");
        }

        Rune[] runes = [.. text.EnumerateRunes()];
        at += at < 0 ? runes.Length : 0;
        return at >= 0 && at < runes.Length ? runes[at].ToString() : new Undefined($"the text has no character {at}");
    }

    public static object Take(object? target, object? start, object? stop, object? step)
    {
        var (from, to, by) = (Bound(start), Bound(stop), Bound(step));
        switch (target)
        {
            case Values.Range range:
                var (first, end, every) = Positions(range.Count, from, to, by);
                var picked = Take(range, first, end, every);
                return NewRange(range, first, end, every, picked);
            case TemplateTuple tuple:
                return new TemplateTuple(Take(tuple, from, to, by));
            case List<object?> list and not DictionaryView:
                return Take(list, from, to, by);
            case string text:
                return string.Concat(Take([.. text.EnumerateRunes()], from, to, by));
            case Markup markup:
                return new Markup(string.Concat(Take([.. markup.Text.EnumerateRunes()], from, to, by)));
            case Undefined undefined:
                throw Work.Error($"{undefined.Message}, so it has no slice.");
            default:
                throw Work.Error($"{PythonText.ShortRepr(target)} has no slices.");
        }
    }

    private static List<T> Take<T>(List<T> items, long? start, long? stop, long? step)
    {
        var (first, end, by) = Positions(items.Count, start, stop, step);
        return Take(items, first, end, by);
    }

    private static List<T> Take<T>(List<T> items, long first, long end, long by)
    {
        Work.Count(1 + (items.Count / 8));
        List<T> result = [];
        for (var i = first; by > 0 ? i < end : i > end; i += by)
        {
            result.Add(items[(int)i]);
        }

        return result;
    }

    private static (long First, long End, long Step) Positions(long count, long? start, long? stop, long? step)
    {
        // A step past the end is as good as one to the end, and cannot overflow.
        var by = Math.Clamp(step ?? 1, -count - 1, count + 1);
        return by == 0 ? throw Work.Error("the step of a slice is 0.")
            : (Clamp(start, by > 0 ? 0 : count - 1, count, by), Clamp(stop, by > 0 ? count : -1, count, by), by);
    }

    private static Values.Range NewRange(Values.Range range, long first, long end, long by, List<object?> picked)
    {
        long At(long position) => range.Start + (position * range.Step);
        return new Values.Range(At(first), At(end), range.Step * by, picked);
    }

    private static long? Bound(object? value) => value is null ? null
        : Numbers.AsInteger(value) is { } number
            ? (long)BigInteger.Min(long.MaxValue, BigInteger.Max(-long.MaxValue, number))
            : throw Work.Error($"a slice needs integers, not {PythonText.ShortRepr(value)}.");

    private static long Clamp(long? bound, long missing, long count, long by)
    {
        if (bound is not { } value)
        {
            return missing;
        }

        value += value < 0 ? count : 0;
        return by > 0 ? Math.Clamp(value, 0, count) : Math.Clamp(value, -1, count - 1);
    }
}
