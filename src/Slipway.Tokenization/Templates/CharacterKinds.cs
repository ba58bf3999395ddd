using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates;

/// <summary>Python's kinds of characters, where they differ from .NET's.</summary>
internal static class CharacterKinds
{
    /// <summary>White space as <c>str.strip</c> and <c>\s</c> see it: also the four separators from U+001C.</summary>
    public static bool IsSpace(char character) => char.IsWhiteSpace(character) || character is >= '\x1c' and <= '\x1f';

    /// <summary>True where <c>repr</c> leaves a character as it is.</summary>
    public static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);

    /// <summary>True where a character ends a line for <c>str.splitlines</c>.</summary>
    public static bool EndsLine(char character) =>
        character is '\n' or '\r' or '\v' or '\f' or '\x1c' or '\x1d' or '\x1e' or '\x85' or '\u2028' or '\u2029';

    public static bool IsWord(Rune rune) => rune.Value == '_' || Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber;

    public static string Trim(string text, Func<char, bool> drops, bool start, bool end)
    {
        int from = 0, to = text.Length;
        while (start && from < to && drops(text[from]))
        {
            from++;
        }

        while (end && to > from && drops(text[to - 1]))
        {
            to--;
        }

        return text[from..to];
    }
}
