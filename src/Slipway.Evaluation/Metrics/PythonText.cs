namespace Slipway.Evaluation.Metrics;

/// <summary>Treats text as the reference implementations do, which are written in Python.</summary>
internal static class PythonText
{
    private const string CapitalIWithDot = "\u0130";

    /// <summary>Splits at runs of white space, the four information separators U+001C to U+001F included.</summary>
    public static string[] Split(string text)
    {
        List<string> parts = [];
        var start = -1;
        for (var i = 0; i <= text.Length; i++)
        {
            var isSpace = i == text.Length || IsSpace(text[i]);
            if (isSpace && start >= 0)
            {
                parts.Add(text[start..i]);
                start = -1;
            }
            else if (!isSpace && start < 0)
            {
                start = i;
            }
        }

        return [.. parts];
    }

    /// <summary>Removes white space from the end.</summary>
    public static string TrimEnd(string text)
    {
        var end = text.Length;
        while (end > 0 && IsSpace(text[end - 1]))
        {
            end--;
        }

        return text[..end];
    }

    /// <summary>Maps to lower case; a capital I with a dot becomes an i and a combining dot.</summary>
    public static string Lower(string text)
        => text.Replace(CapitalIWithDot, "i\u0307", StringComparison.Ordinal).ToLowerInvariant();

    /// <summary>Gives the code points, each as a string, since a character above U+FFFF is two of .NET's.</summary>
    public static string[] CodePoints(string text) => [.. text.EnumerateRunes().Select(rune => rune.ToString())];

    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';
}
