using System.Globalization;
using System.Numerics;
using System.Text;
using Slipway.Tokenization.Templates.Values;

namespace Slipway.Tokenization.Templates.Formatting;

/// <summary>
/// The digits of numbers as C's <c>printf</c> and Python's formats write them, without sign and padding.
/// </summary>
internal static class NumberText
{
    /// <summary>The most digits and the widest field that a format may ask for.</summary>
    public const int MaxDigits = 10_000;

    /// <summary>Writes a fraction.</summary>
    /// <param name="value">The number; its sign is ignored.</param>
    /// <param name="conversion">One of e, f and g, in either case.</param>
    /// <param name="precision">Digits behind the point, or significant digits for g.</param>
    /// <param name="keepsZeros">Keeps the point and the zeros at the end.</param>
    public static string OfFraction(double value, char conversion, int precision, bool keepsZeros)
    {
        Work.Count(8 + (Bounded(precision) / 4));
        var number = Math.Abs(value);
        var text = !double.IsFinite(number)
            ? double.IsNaN(number) ? "nan" : "inf" : char.ToLowerInvariant(conversion) switch
        {
            'f' => Fixed(number, precision, keepsZeros),
            'e' => Scientific(number, precision, keepsZeros),
            _ => General(number, Math.Max(1, precision), keepsZeros),
        };
        return char.IsUpper(conversion) ? text.ToUpperInvariant() : text;
    }

    /// <summary>Writes a whole number in base 2, 8, 10 or 16 (b, o, d, x, X).</summary>
    public static string OfInteger(BigInteger value, char conversion)
    {
        var number = BigInteger.Abs(value);
        Work.Digits(number);
        return conversion switch
        {
            'b' => TrimZeros(number.ToString("b", CultureInfo.InvariantCulture)),
            'o' => Octal(number),
            'x' => TrimZeros(number.ToString("x", CultureInfo.InvariantCulture)),
            'X' => TrimZeros(number.ToString("X", CultureInfo.InvariantCulture)),
            _ => number.ToString(CultureInfo.InvariantCulture),
        };
    }

    public static bool IsNegative(object? value) =>
        value is double number
            ? double.IsNegative(number) && !double.IsNaN(number) : Numbers.AsInteger(value)!.Value.Sign < 0;

    /// <summary>The number that digits of a format write, refused where it is too large.</summary>
    public static int Bounded(long number) => number is >= 0 and <= MaxDigits ? (int)number
        : throw Work.Error($"a format asks for {number} digits or characters; at most {MaxDigits} are allowed.");

    /// <summary>Puts a separator between groups of digits in front of the point.</summary>
    public static string Group(string digits, char separator, int size)
    {
        var end = digits.AsSpan().IndexOfAnyExcept("0123456789abcdefABCDEF".AsSpan()[..(size == 3 ? 10 : 22)]);
        end = end < 0 ? digits.Length : end;
        StringBuilder output = new(digits);
        for (var at = end - size; at > 0; at -= size)
        {
            output.Insert(at, separator);
        }

        return output.ToString();
    }

    private static string Fixed(double number, int precision, bool keepsPoint) =>
        number.ToString($"F{precision}", CultureInfo.InvariantCulture) + (keepsPoint && precision == 0 ? "." : "");

    private static string Scientific(double number, int precision, bool keepsPoint)
    {
        var text = number.ToString($"e{precision}", CultureInfo.InvariantCulture);
        var mark = text.IndexOf('e', StringComparison.Ordinal);
        var exponent = text[(mark + 2)..].TrimStart('0').PadLeft(2, '0');
        return $"{text[..mark]}{(keepsPoint && precision == 0 ? "." : "")}{text[mark..(mark + 2)]}{exponent}";
    }

    private static string General(double number, int precision, bool keepsZeros)
    {
        var scientific = number.ToString($"e{precision - 1}", CultureInfo.InvariantCulture);
        var exponent = int.Parse(scientific.AsSpan(scientific.IndexOf('e') + 1), CultureInfo.InvariantCulture);
        if (exponent < -4 || exponent >= precision)
        {
            var text = Scientific(number, precision - 1, keepsZeros);
            var mark = text.IndexOf('e', StringComparison.Ordinal);
            return keepsZeros ? text : WithoutZeros(text[..mark]) + text[mark..];
        }

        var plain = Fixed(number, precision - 1 - exponent, keepsZeros);
        return keepsZeros ? plain : WithoutZeros(plain);
    }

    private static string WithoutZeros(string text) =>
        text.Contains('.', StringComparison.Ordinal) ? text.TrimEnd('0').TrimEnd('.') : text;

    private static string TrimZeros(string digits) => digits.TrimStart('0') is { Length: > 0 } rest ? rest : "0";

    private static string Octal(BigInteger number)
    {
        var bits = OfInteger(number, 'b');
        bits = bits.PadLeft((bits.Length + 2) / 3 * 3, '0');
        return TrimZeros(
            string.Concat(bits.Chunk(3).Select(three => (char)('0' + Convert.ToInt32(new string(three), 2)))));
    }
}
