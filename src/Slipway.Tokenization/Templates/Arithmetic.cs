using System.Globalization;
using System.Numerics;
using System.Text;
using Slipway.Tokenization.Templates.Formatting;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's operators on the values of a template.</summary>
internal static class Arithmetic
{
    public static object? Compute(string name, object? left, object? right)
    {
        if (name != "~" && (left is Undefined || right is Undefined))
        {
            var undefined = left as Undefined ?? (Undefined)right!;
            throw Work.Error($"{undefined.Message}, so '{name}' cannot be computed.");
        }

        return (name, left, right) switch
        {
            ("~", _, _) => Concatenate(PythonText.Str(left), PythonText.Str(right)),
            ("+", string a, string b) => Concatenate(a, b),
            ("+", Markup or string, Markup or string) =>
                new Markup(Concatenate(Markup.Escape(left), Markup.Escape(right))),
            ("+", TemplateTuple a, TemplateTuple b) => new TemplateTuple(Joined(a, b)),
            ("+", List<object?> a, List<object?> b) when IsList(a) && IsList(b) => Joined(a, b),
            ("*", _, _) when Repeated(left, right) is { } repeated => repeated,
            ("*", _, _) when Repeated(right, left) is { } repeated => repeated,
            ("%", string format, _) => PercentFormat.Apply(format, right, escapes: false),
            ("%", Markup format, _) => new Markup(PercentFormat.Apply(format.Text, right, escapes: true)),
            _ when Numbers.IsNumber(left) && Numbers.IsNumber(right) => OfNumbers(name, left, right),
            _ => throw Work.Error(
                $"'{name}' cannot be computed of {PythonText.ShortRepr(left)} and {PythonText.ShortRepr(right)}."),
        };
    }

    public static object Negate(string name, object? value) => (name, value) switch
    {
        ("-", double number) => -number,
        ("+", double number) => number,
        _ when Numbers.AsInteger(value) is { } number => Numbers.Normalize(name == "-" ? -number : number),
        (_, Undefined undefined) => throw Work.Error($"{undefined.Message}, so '{name}' cannot be computed."),
        _ => throw Work.Error($"'{name}' needs a number, not {PythonText.ShortRepr(value)}."),
    };

    /// <summary>Rounds to nearest, ties to even, as Python's <c>round</c> does.</summary>
    public static object Round(object? value, long digits)
    {
        if (Numbers.AsInteger(value) is { } integer)
        {
            if (digits >= 0)
            {
                return Numbers.Normalize(integer);
            }

            if (digits < -4300)
            {
                return 0L;
            }

            var unit = BigInteger.Pow(10, (int)-digits);
            var (quotient, rest) = (Floor(integer, unit), Modulo(integer, unit));
            var twice = rest * 2;
            return Numbers.Normalize((quotient + (twice > unit || (twice == unit && !quotient.IsEven) ? 1 : 0)) * unit);
        }

        var number = value as double?
            ?? throw Work.Error($"'round' needs a number, not {PythonText.ShortRepr(value)}.");
        return !double.IsFinite(number) || digits > 323 ? number
            : digits < -308 ? 0.0 * number
            : digits >= 0
                ? double.Parse(
                    number.ToString($"F{digits}", CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)
            : Numbers.AsDouble(
                Round(Numbers.Normalize(new BigInteger(Math.Round(number, MidpointRounding.ToEven))), digits))!.Value;
    }

    private static bool IsList(List<object?> list) => list is not (TemplateTuple or Values.Range or DictionaryView);

    private static string Concatenate(string left, string right)
    {
        Work.Characters((long)left.Length + right.Length);
        return left + right;
    }

    private static List<object?> Joined(List<object?> a, List<object?> b)
    {
        Work.Value(a);
        Work.Value(b);
        Work.CheckLength((long)a.Count + b.Count);
        return [.. a, .. b];
    }

    private static object? Repeated(object? sequence, object? times)
    {
        if (Numbers.AsInteger(times) is not { } number)
        {
            return null;
        }

        var count = (long)BigInteger.Min(int.MaxValue, BigInteger.Max(0, number));
        switch (sequence)
        {
            case string text:
                return Repeat(text, count);
            case Markup markup:
                return new Markup(Repeat(markup.Text, count));
            case List<object?> list when list is not (Values.Range or DictionaryView):
                Work.CheckLength(list.Count * count);
                Work.Count(1 + (list.Count * count / 4));
                var items = list.Count == 0 ? [] : Enumerable.Repeat(list, (int)count).SelectMany(item => item);
                return list is TemplateTuple ? new TemplateTuple(items) : items.ToList();
            default:
                return null;
        }
    }

    private static string Repeat(string text, long count)
    {
        Work.Characters(text.Length == 0 ? 0 : count * text.Length);
        return text.Length == 0 ? text : new StringBuilder().Insert(0, text, (int)count).ToString();
    }

    private static object OfNumbers(string name, object? left, object? right)
    {
        if (left is long a && right is long b && name is ("+" or "-" or "*"))
        {
            var exact = name switch { "+" => (Int128)a + b, "-" => (Int128)a - b, _ => (Int128)a * b };
            return exact >= long.MinValue && exact <= long.MaxValue
                ? (long)exact : Numbers.Normalize((BigInteger)exact);
        }

        return Numbers.AsInteger(left) is { } x && Numbers.AsInteger(right) is { } y
            ? OfIntegers(name, x, y)
            : OfDoubles(name, Numbers.AsDouble(left)!.Value, Numbers.AsDouble(right)!.Value);
    }

    private static object OfIntegers(string name, BigInteger a, BigInteger b)
    {
        Work.Count(1 + ((a.GetBitLength() + b.GetBitLength()) / 64));
        return name switch
        {
            "+" => Numbers.Normalize(a + b),
            "-" => Numbers.Normalize(a - b),
            "*" => Numbers.Normalize(a * b),
            "**" => Power(a, b),
            _ when b.IsZero => throw Work.Error("division by zero."),
            "//" => Numbers.Normalize(Floor(a, b)),
            "%" => Numbers.Normalize(Modulo(a, b)),
            _ => Divide(a, b),
        };
    }

    private static BigInteger Floor(BigInteger a, BigInteger b)
    {
        var quotient = BigInteger.DivRem(a, b, out var rest);
        return !rest.IsZero && rest.Sign != b.Sign ? quotient - 1 : quotient;
    }

    private static BigInteger Modulo(BigInteger a, BigInteger b)
    {
        var rest = BigInteger.Remainder(a, b);
        return !rest.IsZero && rest.Sign != b.Sign ? rest + b : rest;
    }

    private static object Power(BigInteger a, BigInteger b)
    {
        if (b.Sign < 0)
        {
            return OfDoubles("**", Numbers.ToDouble(a), Numbers.ToDouble(b));
        }

        if (a.IsZero || a.IsOne || a == BigInteger.MinusOne)
        {
            return b.IsZero ? 1L : a.Sign < 0 ? b.IsEven ? 1L : -1L : (long)a;
        }

        // Base 2 has the shortest result: no exponent beyond the limit gives a number that could be printed.
        if (b > Numbers.MaxBits || (a.GetBitLength() - 1) * (long)b > Numbers.MaxBits)
        {
            throw Work.Error("a number has more than 4300 digits.");
        }

        Work.Count(1 + ((long)b * a.GetBitLength() / 16));
        return Numbers.Normalize(BigInteger.Pow(a, (int)b));
    }

    // The quotient to the nearest double: enough bits of it, the last one set where something is cut off.
    private static double Divide(BigInteger a, BigInteger b)
    {
        const long exact = 1L << 53;
        if (BigInteger.Abs(a) <= exact && BigInteger.Abs(b) <= exact)
        {
            return (double)a / (double)b;
        }

        var shift = (int)Math.Max(0, b.GetBitLength() - a.GetBitLength() + 70);
        var quotient = BigInteger.DivRem(BigInteger.Abs(a) << shift, BigInteger.Abs(b), out var rest);
        var rounded = Numbers.ToDouble(rest.IsZero ? quotient : quotient | BigInteger.One);
        return Math.ScaleB(a.Sign * b.Sign < 0 ? -rounded : rounded, -shift);
    }

    private static double OfDoubles(string name, double a, double b)
    {
        switch (name)
        {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
            case "**":
                return Power(a, b);
            case not "**" when b == 0:
                throw Work.Error("division by zero.");
            case "/":
                return a / b;
        }

        var rest = a % b;
        if (rest != 0 && (rest < 0) != (b < 0))
        {
            rest += b;
        }
        else if (rest == 0)
        {
            rest = Math.CopySign(0, b);
        }

        if (name == "%")
        {
            return rest;
        }

        var quotient = (a - rest) / b;
        var floor = Math.Floor(quotient);
        return quotient == 0 ? Math.CopySign(0, a / b) : quotient - floor > 0.5 ? floor + 1 : floor;
    }

    private static double Power(double a, double b)
    {
        if (a == 0 && b < 0)
        {
            throw Work.Error("0 cannot be raised to a negative power.");
        }

        var result = Math.Pow(a, b);
        return double.IsNaN(result) && !double.IsNaN(a) && !double.IsNaN(b)
                ? throw Work.Error("a root of a negative number is not supported.")
            : double.IsInfinity(result) && double.IsFinite(a) && double.IsFinite(b)
                ? throw Work.Error("a power is too large for a number.")
            : result;
    }
}
