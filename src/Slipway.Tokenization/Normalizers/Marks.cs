using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Normalizers;

/// <summary>Removes combining marks.</summary>
internal sealed class StripAccents : TextNormalizer
{
    public override string Normalize(string text) => Marks.Remove(text, Marks.IsAny);
}

internal static class Marks
{
    public static bool IsNonSpacing(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.NonSpacingMark;

    public static bool IsAny(Rune rune) => Rune.GetUnicodeCategory(rune)
        is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    public static string Remove(string text, Func<Rune, bool> isRemoved)
    {
        if (Ascii.IsValid(text))
        {
            return text;
        }

        StringBuilder result = new(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (!isRemoved(rune))
            {
                result.AppendRune(rune);
            }
        }

        return result.ToString();
    }

    public static StringBuilder AppendRune(this StringBuilder builder, Rune rune)
    {
        Span<char> characters = stackalloc char[2];
        return builder.Append(characters[..rune.EncodeToUtf16(characters)]);
    }
}
