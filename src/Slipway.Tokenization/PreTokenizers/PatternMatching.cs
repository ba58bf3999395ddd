using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>
/// Finds the matches of a file's pattern, as if the text were a row of characters and not of UTF-16 units.
/// </summary>
/// <remarks>
/// Regular expressions of .NET see two surrogates where a character lies beyond U+FFFF, so that <c>\p{L}</c> misses it.
/// Such a character is shown to the pattern as one of the same category that lies below.
/// </remarks>
internal static class PatternMatching
{
    // All matches of one text together may take this long; published patterns need milliseconds for a megabyte.
    private const int BaseMilliseconds = 20_000, CharactersPerMillisecond = 50, MatchesBetweenChecks = 256;

    /// <summary>Cuts the text into matches and what lies between them; nothing empty.</summary>
    public static List<(int Start, int End, bool IsMatch)> Parts(Regex pattern, string text)
    {
        var (visible, origins) = ShowSurrogates(text);
        List<(int, int, bool)> parts = [];
        var deadline = Environment.TickCount64 + BaseMilliseconds + (text.Length / CharactersPerMillisecond);
        int start = 0, untilCheck = MatchesBetweenChecks;
        int At(int index) => origins is null ? index : origins[index];
        foreach (var match in pattern.EnumerateMatches(visible))
        {
            if (--untilCheck == 0)
            {
                untilCheck = MatchesBetweenChecks;
                if (Environment.TickCount64 > deadline)
                {
                    throw new RegexMatchTimeoutException(text, pattern.ToString(), pattern.MatchTimeout);
                }
            }

            if (match.Index > start)
            {
                parts.Add((At(start), At(match.Index), false));
            }

            if (match.Length > 0)
            {
                parts.Add((At(match.Index), At(match.Index + match.Length), true));
            }

            start = match.Index + match.Length;
        }

        if (start < visible.Length)
        {
            parts.Add((At(start), text.Length, false));
        }

        return parts;
    }

    private static (string Visible, int[]? Origins) ShowSurrogates(string text)
    {
        if (!text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            return (text, null);
        }

        StringBuilder visible = new(text.Length);
        List<int> origins = new(text.Length + 1);
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i), out var rune, out var length);
            visible.Append(rune.IsBmp ? (char)rune.Value : StandIn(rune));
            origins.Add(i);
            i += length;
        }

        origins.Add(text.Length);
        return (visible.ToString(), [.. origins]);
    }

    private static char StandIn(Rune rune) => Rune.GetUnicodeCategory(rune) switch
    {
        UnicodeCategory.UppercaseLetter => '\u0100',
        UnicodeCategory.LowercaseLetter => '\u0101',
        UnicodeCategory.TitlecaseLetter => '\u01C5',
        UnicodeCategory.ModifierLetter => '\u02B0',
        UnicodeCategory.OtherLetter => '\u16A0',
        UnicodeCategory.NonSpacingMark => '\u0300',
        UnicodeCategory.SpacingCombiningMark => '\u0903',
        UnicodeCategory.EnclosingMark => '\u0488',
        UnicodeCategory.DecimalDigitNumber => '\u0660',
        UnicodeCategory.LetterNumber => '\u16EE',
        UnicodeCategory.OtherNumber => '\u2150',
        UnicodeCategory.ConnectorPunctuation => '\u203F',
        UnicodeCategory.DashPunctuation => '\u2012',
        UnicodeCategory.OpenPunctuation => '\u2045',
        UnicodeCategory.ClosePunctuation => '\u2046',
        UnicodeCategory.OtherPunctuation => '\u2020',
        UnicodeCategory.MathSymbol => '\u2200',
        UnicodeCategory.CurrencySymbol => '\u20A0',
        UnicodeCategory.ModifierSymbol => '\u02C2',
        UnicodeCategory.OtherSymbol => '\u2600',
        UnicodeCategory.Format => '\u2060',
        UnicodeCategory.PrivateUse => '\uE000',
        _ => '\u0378',
    };
}
