using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Files.Patterns;

/// <summary>Rewrites a pattern of Oniguruma, which tokenizer files are written for, as one of .NET.</summary>
/// <remarks>
/// Both mean the same by most of a pattern, which stays as it is. Rewritten are scripts and other properties
/// (<c>\p{Han}</c>), classes in classes and their intersections (<c>[a-z&amp;&amp;[^b]]</c>), possessive quantifiers
/// (<c>a++</c>), <c>\w</c>, <c>\h</c>, <c>\R</c>, <c>\N</c>, <c>\O</c>, <c>\x{…}</c>, <c>{,n}</c>, and inline flags:
/// <c>(?m)</c> lets a dot match a line feed, and <c>(?u)</c> and <c>(?P&lt;n&gt;…)</c> are taken as Rust has them.
/// Source: Oniguruma's <c>doc/RE</c>.
/// </remarks>
internal ref struct PatternTranslation(string pattern, Section section)
{
    private readonly StringBuilder _output = new(pattern.Length);
    private readonly Stack<int> _groups = new();
    private int _at;

    // Where the last atom begins in the output, −1 where a quantifier has nothing to repeat.
    private int _atom = -1;

    /// <summary>The pattern for .NET.</summary>
    /// <exception cref="TokenizerFormatException">The pattern names an unknown property.</exception>
    public static string Translate(string pattern, Section section) =>
        new PatternTranslation(pattern, section).Run();

    private string Run()
    {
        while (_at < pattern.Length)
        {
            switch (pattern[_at])
            {
                case '\\':
                    Begin().Append(Escape());
                    break;
                case '[':
                    Begin().Append(new ClassTranslation(pattern, _at, section).Translate(out _at));
                    break;
                case '(':
                    Open();
                    break;
                case ')':
                    _atom = _groups.TryPop(out var start) ? start : _output.Length;
                    Copy(1);
                    break;
                case '*' or '+' or '?':
                    Quantify(1, isInterval: false);
                    break;
                case '{' when Interval() is > 0 and var length:
                    Quantify(length, isInterval: true);
                    break;
                default:
                    Begin();
                    Copy(1);
                    break;
            }
        }

        return _output.ToString();
    }

    private StringBuilder Begin()
    {
        _atom = _output.Length;
        return _output;
    }

    private void Copy(int length)
    {
        _output.Append(pattern, _at, length);
        _at += length;
    }

    // Takes an escape outside a class.
    private string Escape()
    {
        var next = _at + 1 < pattern.Length ? pattern[_at + 1] : '\0';
        var simple = next switch
        {
            'w' => CharacterSet.Word().ToString(),
            'W' => CharacterSet.Word().Invert().ToString(),
            'h' => "[0-9A-Fa-f]",
            'H' => "[^0-9A-Fa-f]",
            'R' => @"(?>\r\n|[\n-\r\u0085\u2028\u2029])",
            'N' => @"[^\n]",
            'O' => @"[\s\S]",
            _ => null,
        };
        if (simple is not null)
        {
            _at += 2;
            return simple;
        }

        if (PatternEscapes.Property(pattern, _at, section, out var end) is { } property)
        {
            var original = pattern[_at..end];
            _at = end;
            return PatternEscapes.IsNative(original) ? original : property.ToString();
        }

        if (PatternEscapes.Code(pattern, _at, out end) is { } code)
        {
            _at = end;
            return code < 0x10000 ? string.Create(CultureInfo.InvariantCulture, $"\\u{code:X4}")
                : char.ConvertFromUtf32(code);
        }

        var length = Math.Min(2, pattern.Length - _at);
        _at += length;
        return pattern.Substring(_at - length, length);
    }

    // Takes a group's head: its kind, its name, or flags.
    private void Open()
    {
        var start = _output.Length;
        var rest = pattern.AsSpan(_at);
        if (rest.StartsWith("(?#"))
        {
            var end = rest.IndexOf(')');
            Copy(end < 0 ? rest.Length : end + 1);
            return;
        }

        if (rest.StartsWith("(?P<"))
        {
            _output.Append("(?<");
            _at += 4;
        }
        else if (rest.StartsWith("(?") && Flags(rest) is > 0 and var length)
        {
            // Flags without a colon hold to the end of the group they stand in, and are no group.
            var flags = TranslateFlags(rest[2..length]);
            _at += length + 1;
            if (rest[length] == ')')
            {
                _output.Append(flags.Length == 0 ? string.Empty : $"(?{flags})");
                _atom = -1;
                return;
            }

            _output.Append(CultureInfo.InvariantCulture, $"(?{flags}:");
        }
        else
        {
            Copy(rest.StartsWith("(?") ? Math.Min(rest.StartsWith("(?<") ? 4 : 3, rest.Length) : 1);
        }

        _groups.Push(start);
        _atom = -1;
    }

    // The length of a group's head of flags, up to its ')' or ':'; 0 where it is another head.
    private static int Flags(ReadOnlySpan<char> rest)
    {
        var at = 2;
        while (at < rest.Length && (char.IsAsciiLetter(rest[at]) || rest[at] == '-'))
        {
            at++;
        }

        return at > 2 && at < rest.Length && rest[at] is ')' or ':' ? at : 0;
    }

    private static string TranslateFlags(ReadOnlySpan<char> flags)
    {
        var text = flags.ToString().Replace('m', 's').Replace("u", string.Empty, StringComparison.Ordinal);
        return text.TrimEnd('-');
    }

    // The length of an interval such as {1,3}; 0 where the brace is a character.
    private readonly int Interval()
    {
        var end = pattern.IndexOf('}', _at);
        if (end < 0)
        {
            return 0;
        }

        var (digits, commas) = (0, 0);
        foreach (var character in pattern.AsSpan(_at + 1, end - _at - 1))
        {
            digits += char.IsAsciiDigit(character) ? 1 : 0;
            commas += character == ',' ? 1 : 0;
        }

        return digits > 0 && commas <= 1 && digits + commas == end - _at - 1 ? end - _at + 1 : 0;
    }

    // A plus behind an interval repeats it; behind another quantifier it forbids to give back.
    private void Quantify(int length, bool isInterval)
    {
        var quantifier = pattern.Substring(_at, length).Replace("{,", "{0,", StringComparison.Ordinal);
        _output.Append(quantifier);
        _at += length;
        var next = _at < pattern.Length ? pattern[_at] : '\0';
        if (next == '+' && _atom >= 0)
        {
            _output.Insert(_atom, isInterval ? "(?:" : "(?>").Append(isInterval ? ")+" : ")");
            _at++;
        }
        else if (next == '?')
        {
            Copy(1);
        }
    }
}
