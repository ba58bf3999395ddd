using System.Globalization;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

internal sealed partial class RegexParser
{
    // After the backslash.
    private CharacterSet EscapedSet()
    {
        var escape = _pattern[_at++];
        switch (escape)
        {
            case 'd':
                return RegexClasses.Digit;
            case 'D':
                return RegexClasses.Digit.Complement();
            case 'w':
                return RegexClasses.Word;
            case 'W':
                return RegexClasses.Word.Complement();
            case 's':
                return RegexClasses.Space;
            case 'S':
                return RegexClasses.Space.Complement();
            case 'p' or 'P':
                var end = Take('{') ? _pattern.IndexOf('}', _at) : throw Malformed("'{' and a property");
                var name = end > _at ? _pattern[_at..end] : throw Malformed("a property and '}'");
                _at = end + 1;
                var set = RegexClasses.OfProperty(name) ?? throw Refused($"the property '{Excerpt.Of(name)}'");
                return escape == 'p' ? set : set.Complement();
            default:
                _at--;
                return CharacterSet.Of(EscapedCharacter());
        }
    }

    private int EscapedCharacter()
    {
        var escape = _pattern[_at++];
        switch (escape)
        {
            case 'n':
                return '\n';
            case 'r':
                return '\r';
            case 't':
                return '\t';
            case 'f':
                return '\f';
            case 'v':
                return '\v';
            case '0' when AtEnd || !char.IsAsciiDigit(_pattern[_at]):
                return 0;
            case 'c' when !AtEnd && char.IsAsciiLetter(_pattern[_at]):
                return _pattern[_at++] % 32;
            case 'x':
                return Hex(2);
            case 'u' when Take('{'):
                var end = _pattern.IndexOf('}', _at);
                var value = end > _at && end - _at <= 6
                    ? Hex(end - _at) : throw Malformed("hexadecimal digits and '}'");
                _at++;
                return value <= CharacterSet.Last ? value : throw Malformed("a character up to '10FFFF'");
            case 'u':
                var unit = Hex(4);
                return char.IsHighSurrogate((char)unit) && Take("\\u") ? Pair((char)unit, (char)Hex(4)) : unit;
            default:
                _at--;
                return char.IsAsciiLetterOrDigit(escape)
                    ? throw Malformed($"an escape that is known, which '\\{escape}' is not")
                    : Literal();
        }
    }

    private int Pair(char high, char low)
        => char.IsLowSurrogate(low)
            ? char.ConvertToUtf32(high, low) : throw Malformed("the second half of a surrogate pair");

    private int Hex(int digits)
    {
        if (_at + digits > _pattern.Length
            || !int.TryParse(_pattern.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var value))
        {
            throw Malformed($"{digits} hexadecimal digits");
        }

        _at += digits;
        return value;
    }

    private CharacterSet Class()
    {
        var isNegated = Take('^');
        var ranges = new List<(int First, int Last)>();
        while (!Take(']'))
        {
            if (AtEnd)
            {
                throw Malformed("']'");
            }

            var first = Member();
            if (_at + 1 < _pattern.Length && _pattern[_at] == '-' && _pattern[_at + 1] != ']')
            {
                _at++;
                var last = Member();
                ranges.Add(first.Ranges is [var x] && x.First == x.Last && last.Ranges is [var y] && y.First == y.Last
                    && x.First <= y.First
                    ? (x.First, y.First)
                    : throw Malformed("a range from a character to a later one"));
                continue;
            }

            ranges.AddRange(first.Ranges);
        }

        // What a range holds of surrogate pairs' halves is no character.
        var set = CharacterSet.Of(ranges).Complement();
        return isNegated ? set : set.Complement();
    }

    private CharacterSet Member()
    {
        if (!Take('\\'))
        {
            return AtEnd ? throw Malformed("']'") : CharacterSet.Of(Literal());
        }

        return AtEnd ? throw Malformed("a character after '\\'")
            : Take('b') ? CharacterSet.Of('\b')
            : Take('-') ? CharacterSet.Of('-')
            : EscapedSet();
    }
}
