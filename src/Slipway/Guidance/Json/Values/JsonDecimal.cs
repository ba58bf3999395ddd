using System.Globalization;
using System.Numerics;

namespace Slipway.Guidance.Json.Values;

/// <summary>A number of a JSON document, exactly: an integer divided by a power of ten.</summary>
internal readonly record struct JsonDecimal : IComparable<JsonDecimal>
{
    private const int MaxDigits = 400;

    private JsonDecimal(BigInteger unscaled, int scale)
    {
        while (scale > 0 && unscaled % 10 == 0)
        {
            (unscaled, scale) = (unscaled / 10, scale - 1);
        }

        (Unscaled, Scale) = (unscaled, scale);
    }

    public static JsonDecimal One { get; } = new(1, 0);

    public BigInteger Unscaled { get; }

    /// <summary>Number of digits after the point.</summary>
    public int Scale { get; }

    /// <summary>Reads a number as JSON writes it; null where it has too many digits.</summary>
    public static JsonDecimal? Parse(string text)
    {
        var exponentAt = text.IndexOfAny(['e', 'E']);
        var mantissa = exponentAt < 0 ? text : text[..exponentAt];
        var exponent = 0;
        if (mantissa.Length > MaxDigits
            || (exponentAt >= 0 && !int.TryParse(
                text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            || Math.Abs(exponent) > MaxDigits)
        {
            return null;
        }

        var point = mantissa.IndexOf('.', StringComparison.Ordinal);
        var scale = (point < 0 ? 0 : mantissa.Length - point - 1) - exponent;
        var unscaled = BigInteger.Parse(
            mantissa.Replace(".", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
        return scale < 0 ? new(unscaled * BigInteger.Pow(10, -scale), 0) : new(unscaled, scale);
    }

    /// <summary>
    /// Multiple of 10 to the power of minus <paramref name="scale"/> that the number is; the scale is not below its
    /// own.
    /// </summary>
    public BigInteger At(int scale) => Unscaled * BigInteger.Pow(10, scale - Scale);

    public int CompareTo(JsonDecimal other)
    {
        var scale = Math.Max(Scale, other.Scale);
        return At(scale).CompareTo(other.At(scale));
    }
}
