using System.Globalization;
using System.Numerics;
using Slipway.Tokenization.Templates.Formatting;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Filters;

/// <summary>Filters that make numbers, or texts of them.</summary>
internal static class NumberFilters
{
    public static object Abs(object? value) => value is double number ? Math.Abs(number)
        : Numbers.AsInteger(value) is { } integer ? Numbers.Normalize(BigInteger.Abs(integer))
        : throw Work.Error($"'abs' needs a number, not {PythonText.ShortRepr(value)}.");

    public static object Round(object? value, CallArguments arguments)
    {
        var precision = arguments.Integer(0, "precision", 0);
        var method = arguments.Get(1, "method", "common");
        if (method is not ("common" or "ceil" or "floor"))
        {
            throw Work.Error("'round' has the methods 'common', 'ceil' and 'floor'.");
        }

        if (!Numbers.IsNumber(value))
        {
            throw Work.Error($"'round' needs a number, not {PythonText.ShortRepr(value)}.");
        }

        if (method is "common")
        {
            return Arithmetic.Round(value, precision);
        }

        var unit = Arithmetic.Compute("**", 10L, Math.Clamp(precision, -400, 400));
        var scaled = Arithmetic.Compute("*", value, unit);
        var whole = scaled is double number
            ? double.IsFinite(number)
                ? Numbers.Normalize(new BigInteger(method is "ceil" ? Math.Ceiling(number) : Math.Floor(number)))
                : throw Work.Error("a number that is not finite cannot be rounded.")
            : scaled;
        return Arithmetic.Compute("/", whole, unit)!;
    }

    public static object? ToInteger(object? value, object? missing, long radix)
    {
        switch (value)
        {
            case Undefined undefined:
                throw Work.Error($"{undefined.Message}, so it is no number.");
            case string or Markup:
                var text = PythonText.Str(value);
                return ParseInteger(CharacterKinds.Trim(text, CharacterKinds.IsSpace, start: true, end: true), radix)
                    ?? (ToFloat(text, null) is double fraction && double.IsFinite(fraction)
                        ? Numbers.Normalize(new BigInteger(fraction)) : missing);
            case double number:
                return double.IsFinite(number) ? Numbers.Normalize(new BigInteger(number))
                    : double.IsNaN(number) ? missing : throw Work.Error("an infinite number is no whole number.");
            default:
                return Numbers.AsInteger(value) is { } integer ? Numbers.Normalize(integer) : missing;
        }
    }

    public static object? ToFloat(object? value, object? missing)
    {
        if (value is Undefined undefined)
        {
            throw Work.Error($"{undefined.Message}, so it is no number.");
        }

        if (value is not (string or Markup))
        {
            return Numbers.AsDouble(value) ?? missing;
        }

        var text = CharacterKinds.Trim(PythonText.Str(value), CharacterKinds.IsSpace, start: true, end: true);
        Work.Search(text.Length, Math.Min(text.Length, 1024));
        return text.TrimStart('+', '-').ToLowerInvariant() switch
        {
            _ when text.Length > 1 && text[1] is ('+' or '-') => missing,
            "inf" or "infinity" => text.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity,
            "nan" => double.NaN,
            _ when WithoutUnderscores(text) is { } plain && double.TryParse(
                plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
                CultureInfo.InvariantCulture, out var number) => number,
            _ => missing,
        };
    }

    public static string FileSize(object? value, bool binary)
    {
        var bytes = ToFloat(value, null) as double?
            ?? throw Work.Error($"'filesizeformat' needs a number, not {PythonText.ShortRepr(value)}.");
        double size = binary ? 1024 : 1000;
        if (bytes == 1)
        {
            return "1 Byte";
        }

        if (!double.IsFinite(bytes))
        {
            throw Work.Error("'filesizeformat' needs a finite number.");
        }

        if (bytes < size)
        {
            return string.Create(CultureInfo.InvariantCulture, $"{new BigInteger(bytes)} Bytes");
        }

        var (unit, prefix) = (size, 0);
        for (; prefix < 7 && bytes >= unit * size; prefix++)
        {
            unit *= size;
        }

        var name = binary ? $"{"KMGTPEZY"[prefix]}iB" : $"{"kMGTPEZY"[prefix]}B";
        return $"{NumberText.OfFraction(bytes / unit, 'f', 1, keepsZeros: false)} {name}";
    }

    private static object? ParseInteger(string text, long radix)
    {
        var sign = text.StartsWith('-') ? -1 : 1;
        var digits = text.StartsWith('-') || text.StartsWith('+') ? text[1..] : text;
        var prefix = digits.Length > 1 && digits[0] == '0' ? char.ToLowerInvariant(digits[1]) : '\0';
        var marked = prefix switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 };
        if (marked > 0 && (radix == marked || radix == 0))
        {
            (radix, digits) = (marked, digits[2..].TrimStart('_'));
        }
        else if (radix == 0)
        {
            if (digits.Length > 1 && digits[0] == '0' && digits.Trim('0', '_').Length > 0)
            {
                return null;
            }

            radix = 10;
        }

        if (radix is < 2 or > 36 || digits.Length is 0 or > 4300 || WithoutUnderscores(digits) is not { } plain)
        {
            return null;
        }

        Work.Count(1 + (plain.Length * plain.Length / 4096));
        if (radix == 10 && plain.All(char.IsAsciiDigit))
        {
            return Numbers.Normalize(sign * BigInteger.Parse(plain, CultureInfo.InvariantCulture));
        }

        var number = BigInteger.Zero;
        foreach (var character in plain)
        {
            var digit = CharUnicodeInfo.GetDecimalDigitValue(character) is >= 0 and var value ? value
                : char.IsAsciiLetter(character) ? char.ToLowerInvariant(character) - 'a' + 10 : 99;
            if (digit >= radix)
            {
                return null;
            }

            number = (number * radix) + digit;
        }

        return Numbers.Normalize(sign * number);
    }

    // Underscores may stand between digits; null where they stand elsewhere.
    private static string? WithoutUnderscores(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '_'
                && (i == 0 || i + 1 == text.Length || !char.IsLetterOrDigit(text[i - 1])
                || !char.IsLetterOrDigit(text[i + 1])))
            {
                return null;
            }
        }

        return text.Replace("_", "", StringComparison.Ordinal);
    }
}
