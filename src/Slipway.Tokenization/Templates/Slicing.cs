using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's slices and character positions, which count code points.</summary>
internal static class Slicing
{
    public static object Character(string text, long at)
    {
        Work.Characters(text.Length);
        Rune[] runes = [.. text.EnumerateRunes()];
        at += at < 0 ? runes.Length : 0;
        return at >= 0 && at < runes.Length ? runes[at].ToString() : new Undefined($"the text has no character {at}");
    }

    public static object Take(object? target, long? start, long? stop, long? step, int line) => target switch
    {
        List<object?> list => Take(list, start, stop, step, line),
        string text => string.Concat(Take([.. text.EnumerateRunes()], start, stop, step, line)),
        Undefined undefined => throw new ChatTemplateException($"{undefined.What}, so it has no slice.", line),
        _ => throw new ChatTemplateException($"{Python.Repr(target)} has no slices.", line),
    };

    private static List<T> Take<T>(List<T> items, long? start, long? stop, long? step, int line)
    {
        // A step past the end is as good as one to the end, and cannot overflow.
        long count = items.Count, by = Math.Clamp(step ?? 1, -count - 1, count + 1);
        Work.Count(1 + (count / 8));
        if (by == 0)
        {
            throw new ChatTemplateException("the step of a slice is 0.", line);
        }

        long first = Clamp(start, by > 0 ? 0 : count - 1, count, by), end = Clamp(stop, by > 0 ? count : -1, count, by);
        List<T> result = [];
        for (long i = first; by > 0 ? i < end : i > end; i += by)
        {
            result.Add(items[(int)i]);
        }

        return result;
    }

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
