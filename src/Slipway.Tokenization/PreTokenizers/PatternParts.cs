using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>
/// Cuts a text into the matches of a pattern and what lies between them, nothing empty, as if the text were a row of
/// characters and not of UTF-16 units.
/// </summary>
/// <remarks>
/// Regular expressions of .NET see two surrogates where a character lies beyond U+FFFF, so that <c>\p{L}</c> misses it.
/// Such a character is shown to the pattern as one that lies below: one of the same category, and of the same script
/// and properties where the pattern reads these and the script has one.
/// </remarks>
internal ref struct PatternParts
{
    // All matches of one text together may take this long; published patterns need milliseconds for a megabyte.
    private const int BaseMilliseconds = 20_000, CharactersPerMillisecond = 50, MatchesBetweenChecks = 256;

    private readonly Regex _pattern;
    private readonly ReadOnlySpan<char> _visible;
    private readonly int[]? _origins;
    private readonly long _deadline;
    private Regex.ValueMatchEnumerator _matches;
    private int _end, _matchEnd, _untilCheck = MatchesBetweenChecks;

    public PatternParts(Pattern pattern, ReadOnlySpan<char> text)
    {
        _pattern = pattern.Regex;
        _visible = text;
        if (text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            ShowSurrogates(text, pattern.ReadsProperties, out _visible, out _origins);
        }

        _matches = _pattern.EnumerateMatches(_visible);
        _deadline = Environment.TickCount64 + BaseMilliseconds + (text.Length / CharactersPerMillisecond);
    }

    /// <summary>The part that <see cref="MoveNext"/> found.</summary>
    public (int Start, int End, bool IsMatch) Current { get; private set; }

    public readonly PatternParts GetEnumerator() => this;

    public bool MoveNext()
    {
        // A match beyond the last part was found already where text lies in front of it.
        while (_matchEnd <= _end && _matches.MoveNext())
        {
            CheckTime();
            var match = _matches.Current;
            _matchEnd = match.Index + match.Length;
            if (match.Index > _end)
            {
                return Take(match.Index, isMatch: false);
            }
        }

        return _matchEnd > _end ? Take(_matchEnd, isMatch: true)
            : _end < _visible.Length && Take(_visible.Length, isMatch: false);
    }

    private bool Take(int end, bool isMatch)
    {
        Current = (At(_end), At(end), isMatch);
        _end = end;
        return true;
    }

    private readonly int At(int index) => _origins is null ? index : _origins[index];

    private void CheckTime()
    {
        if (--_untilCheck == 0)
        {
            _untilCheck = MatchesBetweenChecks;
            if (Environment.TickCount64 > _deadline)
            {
                throw new RegexMatchTimeoutException(string.Empty, _pattern.ToString(), _pattern.MatchTimeout);
            }
        }
    }

    // origins[i] is the place in the text of visible character i; the last is the text's end.
    private static void ShowSurrogates(
        ReadOnlySpan<char> text, bool byProperties, out ReadOnlySpan<char> visible, out int[] origins)
    {
        var characters = new char[text.Length];
        origins = new int[text.Length + 1];
        var count = 0;
        for (var i = 0; i < text.Length; count++)
        {
            Rune.DecodeFromUtf16(text[i..], out var rune, out var length);
            characters[count] = rune.IsBmp ? (char)rune.Value
                : (byProperties ? UnicodeProperties.Instance.Like(rune) : null) ?? StandIn(rune);
            origins[count] = i;
            i += length;
        }

        origins[count] = text.Length;
        visible = characters.AsSpan(0, count);
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
