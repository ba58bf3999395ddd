using System.Globalization;

namespace Slipway.Evaluation.Metrics;

/// <summary>Treats text as the reference implementations do, which are written in Python.</summary>
internal static class PythonText
{
    private const string CapitalIWithDot = "\u0130";
    private const char CapitalSigma = '\u03a3', FinalSigma = '\u03c2';

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

    /// <summary>
    /// Maps to lower case; a capital I with a dot becomes an i and a combining dot, a sigma that ends a word its final
    /// form.
    /// </summary>
    public static string Lower(string text)
    {
        var lower = text.Replace(CapitalIWithDot, "i\u0307", StringComparison.Ordinal).ToLowerInvariant();
        if (!text.Contains(CapitalSigma))
        {
            return lower;
        }

        var source = text.Replace(CapitalIWithDot, "I\u0307", StringComparison.Ordinal);
        return string.Create(lower.Length, (source, lower), static (result, texts) =>
        {
            texts.lower.CopyTo(result);
            for (var i = 0; i < result.Length; i++)
            {
                if (texts.source[i] == CapitalSigma && HasLetter(texts.source, i, -1)
                    && !HasLetter(texts.source, i, 1))
                {
                    result[i] = FinalSigma;
                }
            }
        });
    }

    // Tells whether the next character in a direction that is no mark is a letter with a case: Unicode's Final_Sigma.
    private static bool HasLetter(string text, int index, int step)
    {
        do
        {
            index += step;
        }
        while (index >= 0 && index < text.Length && IsMark(text[index]));

        return index >= 0 && index < text.Length && (text[index] is '\u00aa' or '\u00ba'
            || char.GetUnicodeCategory(text[index])
                is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter
                or UnicodeCategory.TitlecaseLetter);
    }

    private static bool IsMark(char character) => "'.:\u00b7\u2018\u2019\u2024\u2027".Contains(character)
        || char.GetUnicodeCategory(character) is UnicodeCategory.NonSpacingMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.Format or UnicodeCategory.ModifierLetter or UnicodeCategory.ModifierSymbol;

    /// <summary>Gives the code points, each as a string, since a character above U+FFFF is two of .NET's.</summary>
    public static string[] CodePoints(string text) => [.. text.EnumerateRunes().Select(rune => rune.ToString())];

    private static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';
}
