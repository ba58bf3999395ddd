using System.Globalization;
using System.Numerics;

namespace Slipway.Tokenization.Templates.Values;

/// <summary>Python's numbers: bool, whole numbers of any size (long, else BigInteger) and double.</summary>
internal static class Numbers
{
    /// <summary>The longest whole number, in bits: what Python is willing to print (4,300 digits).</summary>
    public const long MaxBits = 14_284;

    /// <summary>The whole number that a value is, bools as 0 and 1; null where it is none.</summary>
    public static BigInteger? AsInteger(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? BigInteger.One : BigInteger.Zero,
        BigInteger number => number,
        _ => null,
    };

    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    /// <summary>The number of a value as a double, rounded to nearest; null where it is none.</summary>
    public static double? AsDouble(object? value) => value switch
    {
        double number => number,
        long number => number,
        bool flag => flag ? 1 : 0,
        BigInteger number => ToDouble(number),
        _ => null,
    };

    public static object Normalize(BigInteger number) =>
        number >= long.MinValue && number <= long.MaxValue ? (object)(long)number
        : number.GetBitLength() <= MaxBits ? number
        : throw Work.Error("a number has more than 4300 digits.");

    public static double ToDouble(BigInteger number)
    {
        // The first 64 bits, the last of them set where bits are cut off, are rounded as the whole number is.
        var size = BigInteger.Abs(number);
        var shift = (int)Math.Max(0, size.GetBitLength() - 64);
        var first = (ulong)(size >> shift);
        first |= (BigInteger)first << shift == size ? 0UL : 1UL;
        var result = Math.ScaleB((double)first, shift) * number.Sign;
        return double.IsFinite(result) ? result : throw Work.Error("a whole number is too large for a fraction.");
    }

    /// <summary>Compares two numbers exactly; null where one is not a number.</summary>
    public static int? Compare(object? left, object? right)
    {
        if (left is double a && right is double b)
        {
            return double.IsNaN(a) || double.IsNaN(b) ? null : a.CompareTo(b);
        }

        return left is double number ? -Compare(AsInteger(right)!.Value, number)
            : right is double other ? Compare(AsInteger(left)!.Value, other)
            : AsInteger(left)!.Value.CompareTo(AsInteger(right)!.Value);
    }

    /// <summary>The number that digits write, whole or not.</summary>
    public static object? Parse(string text)
    {
        if (text.Length <= 4300
            && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var integer))
        {
            return Normalize(integer);
        }

        return text.Length <= 4300
            && double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
    }

    private static int? Compare(BigInteger left, double right)
    {
        if (!double.IsFinite(right))
        {
            return double.IsNaN(right) ? null : right > 0 ? -1 : 1;
        }

        var floor = Math.Floor(right);
        var order = left.CompareTo(new BigInteger(floor));
        return order != 0 ? order : floor < right ? -1 : 0;
    }
}
