using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Regex;

/// <summary>Reads the sets of characters of a regular expression: escapes and classes in brackets.</summary>
internal sealed class RegexClassReader(RegexScanner scanner)
{
    /// <summary>Reads an escape after its backslash.</summary>
    public CharacterSet EscapedSet()
    {
        var escape = scanner.Next();
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
                var name = !scanner.Take('{') ? throw scanner.Malformed("'{' and a property")
                    : scanner.TakeUntil('}') ?? throw scanner.Malformed("a property and '}'");
                var set = RegexClasses.OfProperty(name) ?? throw scanner.Refused($"the property '{Excerpt.Of(name)}'");
                return escape == 'p' ? set : set.Complement();
            default:
                scanner.Position--;
                return CharacterSet.Of(EscapedCharacter());
        }
    }

    private int EscapedCharacter()
    {
        var escape = scanner.Next();
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
            case '0' when scanner.AtEnd || !char.IsAsciiDigit(scanner.Current):
                return 0;
            case 'c' when !scanner.AtEnd && char.IsAsciiLetter(scanner.Current):
                return scanner.Next() % 32;
            case 'x':
                return scanner.Hex(2);
            case 'u' when scanner.Take('{'):
                var start = scanner.Position;
                var digits = scanner.TakeUntil('}');
                scanner.Position = start;
                var value = digits is { Length: <= 6 }
                    ? scanner.Hex(digits.Length) : throw scanner.Malformed("hexadecimal digits and '}'");
                scanner.Position++;
                return value <= CharacterSet.Last ? value : throw scanner.Malformed("a character up to '10FFFF'");
            case 'u':
                var unit = scanner.Hex(4);
                return char.IsHighSurrogate((char)unit) && scanner.Take("\\u")
                    ? Pair((char)unit, (char)scanner.Hex(4))
                    : unit;
            default:
                scanner.Position--;
                return char.IsAsciiLetterOrDigit(escape)
                    ? throw scanner.Malformed($"an escape that is known, which '\\{escape}' is not")
                    : scanner.Literal();
        }
    }

    private int Pair(char high, char low)
        => char.IsLowSurrogate(low)
            ? char.ConvertToUtf32(high, low) : throw scanner.Malformed("the second half of a surrogate pair");

    /// <summary>Reads a class after its opening bracket.</summary>
    public CharacterSet Class()
    {
        var isNegated = scanner.Take('^');
        var ranges = new List<(int First, int Last)>();
        while (!scanner.Take(']'))
        {
            if (scanner.AtEnd)
            {
                throw scanner.Malformed("']'");
            }

            var first = Member();
            if (!scanner.AtEnd && scanner.Current == '-' && scanner.IsFollowedByOtherThan(']'))
            {
                scanner.Position++;
                var last = Member();
                ranges.Add(first.Ranges is [var x] && x.First == x.Last && last.Ranges is [var y] && y.First == y.Last
                    && x.First <= y.First
                    ? (x.First, y.First)
                    : throw scanner.Malformed("a range from a character to a later one"));
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
        if (!scanner.Take('\\'))
        {
            return scanner.AtEnd ? throw scanner.Malformed("']'") : CharacterSet.Of(scanner.Literal());
        }

        return scanner.AtEnd ? throw scanner.Malformed("a character after '\\'")
            : scanner.Take('b') ? CharacterSet.Of('\b')
            : scanner.Take('-') ? CharacterSet.Of('-')
            : EscapedSet();
    }
}
