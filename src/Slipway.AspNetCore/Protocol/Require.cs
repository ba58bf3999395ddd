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

    /// <summary>Checks a word; null passes.</summary>
    public static void OneOf(string? value, string param, params ReadOnlySpan<string> words)
    {
        if (value is not null && !words.Contains(value))
        {
            throw OpenAIException.InvalidValue(
                param, value, $"one of {string.Join(", ", words.ToArray().Select(word => $"'{word}'"))}");
        }
    }

    /// <summary>Checks pairs that a caller keeps with a request; null passes.</summary>
    public static void Metadata(IReadOnlyDictionary<string, string>? pairs, string param)
    {
        const int maxPairs = 16, maxName = 64, maxText = 512;
        if (pairs?.Count > maxPairs)
        {
            throw new OpenAIException(
                400, $"'{param}' has {pairs.Count} pairs; expected at most {maxPairs}.", param,
                "object_above_max_properties");
        }

        foreach (var (name, text) in pairs ?? new Dictionary<string, string>())
        {
            Length(name, maxName, $"{param}.{OpenAIException.Excerpt(name)}", "a name");
            Length(text, maxText, $"{param}.{OpenAIException.Excerpt(name)}", "a text");
        }

        static void Length(string text, int max, string param, string what)
        {
            if (text.Length > max)
            {
                throw new OpenAIException(
                    400, $"'{param}' has {what} of {text.Length} characters; expected at most {max}.", param,
                    "string_above_max_length");
            }
        }
    }

    private static string Text(double value) => value.ToString(CultureInfo.InvariantCulture);
}
