using System.Globalization;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Checks values of parameters against their bounds, with the codes of OpenAI's API.</summary>
internal static class Require
{
    /// <summary>Checks a number; null passes.</summary>
    public static void InRange(double? value, double min, double max, string param)
    {
        if (value < min || value > max)
        {
            var (code, words) = value < min
                ? ("decimal_below_min_value", $"at least {Text(min)}")
                : ("decimal_above_max_value", $"at most {Text(max)}");
            throw new OpenAIException(400, $"'{param}' is '{Text(value.Value)}'; expected {words}.", param, code);
        }
    }

    /// <summary>Checks a whole number; null passes.</summary>
    public static void InRange(long? value, long min, long max, string param)
    {
        if (value < min || value > max)
        {
            var (code, words) = value < min
                ? ("integer_below_min_value", $"at least {min}") : ("integer_above_max_value", $"at most {max}");
            throw new OpenAIException(400, $"'{param}' is '{value}'; expected {words}.", param, code);
        }
    }

    /// <summary>Checks the length of a list.</summary>
    public static void Count(int count, int min, int max, string param)
    {
        if (count < min || count > max)
        {
            throw new OpenAIException(
                400, $"'{param}' has {count} items; expected {(count < min ? "at least" : "at most")} "
                + $"{(count < min ? min : max)}.",
                param, count < min ? "empty_array" : "array_above_max_length");
        }
    }

    /// <summary>Checks that a parameter is left out or has the one value that this server serves.</summary>
    public static void Absent(bool isGiven, string param, string remedy)
    {
        if (isGiven)
        {
            throw OpenAIException.Unsupported(param, $"'{param}' is not served here. {remedy}");
        }
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
