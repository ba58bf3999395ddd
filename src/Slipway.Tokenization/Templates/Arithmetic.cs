using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's operators on the values of a template.</summary>
internal static class Arithmetic
{
    public static object? Compute(string name, object? left, object? right, int line)
    {
        if (left is Undefined || right is Undefined)
        {
            Undefined undefined = left as Undefined ?? (Undefined)right!;
            throw new ChatTemplateException($"{undefined.What}, so '{name}' cannot be computed.", line);
        }

        try
        {
            return (name, left, right) switch
            {
                ("+", string a, string b) => Evaluator.Concatenated(a, b),
                ("+", List<object?> a, List<object?> b) => Joined(a, b),
                ("*", string text, long times) => Repeat(text, times),
                ("*", long times, string text) => Repeat(text, times),
                ("%", string format, _) => Format(format, right, line),
                (_, not double, not double) when Whole(left) is { } a && Whole(right) is { } b && name != "/" =>
                    Integers(name, a, b, line),
                _ when Values.AsNumber(left) is { } a && Values.AsNumber(right) is { } b => Floats(name, a, b, line),
                _ => throw new ChatTemplateException(
                    $"'{name}' cannot be computed of {Python.Repr(left)} and {Python.Repr(right)}.", line),
            };
        }
        catch (OverflowException)
        {
            throw new ChatTemplateException($"'{name}' of {left} and {right} is too large.", line);
        }
    }

    public static bool Ordered(string name, object? left, object? right, int line)
    {
        int order = (left, right) switch
        {
            (string a, string b) => Compare(a, b),
            _ when Values.AsNumber(left) is { } a && Values.AsNumber(right) is { } b => a.CompareTo(b),
            _ => throw new ChatTemplateException(
                $"'{name}' cannot compare {Python.Repr(left)} and {Python.Repr(right)}.", line),
        };
        return name switch { "<" => order < 0, "<=" => order <= 0, ">" => order > 0, _ => order >= 0 };
    }

    private static int Compare(string left, string right)
    {
        Work.Characters(Math.Min(left.Length, right.Length));
        return string.CompareOrdinal(left, right);
    }

    private static long? Whole(object? value) => value switch { long number => number, bool flag => flag ? 1 : 0, _ => null };

    private static object Integers(string name, long a, long b, int line) => name switch
    {
        "+" => (object)checked(a + b),
        "-" => checked(a - b),
        "*" => checked(a * b),
        "//" or "%" when b == 0 => throw new ChatTemplateException("division by zero.", line),
        "//" => (a / b) - (a % b != 0 && (a < 0) != (b < 0) ? 1 : 0),
        "%" => ((a % b) + b) % b,
        _ when b >= 0 && Math.Abs(Math.Pow(a, b)) < 9e15 => (long)Math.Pow(a, b),
        _ => Math.Pow(a, b),
    };

    private static double Floats(string name, double a, double b, int line) => name switch
    {
        "+" => a + b,
        "-" => a - b,
        "*" => a * b,
        "**" => Math.Pow(a, b),
        _ when b == 0 => throw new ChatTemplateException("division by zero.", line),
        "/" => a / b,
        "//" => Math.Floor(a / b),
        _ => a - (Math.Floor(a / b) * b),
    };

    private static List<object?> Joined(List<object?> a, List<object?> b)
    {
        long count = (long)a.Count + b.Count;
        Work.CheckLength(count);
        Work.Count(1 + (count / 4));
        return [.. a, .. b];
    }

    private static string Repeat(string text, long times)
    {
        long count = Math.Max(0, times);
        Work.Characters(text.Length == 0 ? 0 : Math.Min(count, int.MaxValue) * text.Length);
        return text.Length == 0 ? text : new StringBuilder().Insert(0, text, (int)count).ToString();
    }

    // '%s' and '%d' only: what templates use to put a value into a text.
    private static string Format(string format, object? right, int line)
    {
        Queue<object?> values = new(right is List<object?> list ? list : [right]);
        StringBuilder output = new();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
            {
                output.Append(format[i]);
                continue;
            }

            string part = format[++i] switch
            {
                '%' => "%",
                's' or 'd' when values.TryDequeue(out object? value) => Python.Str(value),
                var other => throw new ChatTemplateException($"the format '%{other}' is not supported or lacks a value.", line),
            };
            Work.Count();
            Work.CheckLength((long)output.Length + part.Length);
            output.Append(part);
        }

        return output.ToString();
    }
}
