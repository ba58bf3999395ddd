using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Files.Patterns;

/// <summary>Rewrites one character class; a class that .NET reads alike stays as it is.</summary>
internal ref struct ClassTranslation(string pattern, int start, Section section)
{
    private const int MaximumDepth = 32;

    private readonly int _start = start;
    private int _at = start;
    private bool _native = true;

    /// <summary>The class for .NET.</summary>
    /// <param name="end">The place behind the class.</param>
    public string Translate(out int end)
    {
        var set = ReadClass(0);
        end = _at;
        return _native || set is null ? pattern[_start..end] : set.ToString();
    }

    // Reads a class and what stands in it; null where it does not end, which .NET complains of.
    private CharacterSet? ReadClass(int depth)
    {
        _native &= depth == 0;
        if (depth > MaximumDepth)
        {
            throw section.Error(
                $"'{section.Path}' holds a pattern whose classes are nested deeper than {MaximumDepth} levels.");
        }

        _at++;
        var inverted = Take("^");
        CharacterSet set = new();
        CharacterSet? left = null;
        var first = true;
        while (true)
        {
            if (_at >= pattern.Length)
            {
                _native = true;
                _at = pattern.Length;
                return null;
            }

            if (pattern[_at] == ']' && !first)
            {
                _at++;
                break;
            }

            first = false;
            if (Take("&&"))
            {
                _native = false;
                left = left is null ? set : left.Intersect(set);
                set = new CharacterSet();
            }
            else if (pattern[_at] == '[')
            {
                if (Posix() is { } named)
                {
                    set.Add(named);
                }
                else if (ReadClass(depth + 1) is { } inner)
                {
                    set.Add(inner);
                }
                else
                {
                    return null;
                }
            }
            else
            {
                ReadItem(set);
            }
        }

        set = left is null ? set : left.Intersect(set);
        return inverted ? set.Invert() : set;
    }

    private bool Take(string text)
    {
        var found = pattern.AsSpan(_at).StartsWith(text, StringComparison.Ordinal);
        _at += found ? text.Length : 0;
        return found;
    }

    // A character, a range or a named set.
    private void ReadItem(CharacterSet set)
    {
        if (NamedSet() is { } named)
        {
            set.Add(named);
            return;
        }

        var low = Character();
        var isRange = _at + 1 < pattern.Length && pattern[_at] == '-' && pattern[_at + 1] != ']';
        if (!isRange)
        {
            set.Add(low, low);
            return;
        }

        var hyphen = _at++;
        if (pattern[_at] == '[' || NamedSet() is { })
        {
            // Oniguruma takes such a hyphen for itself, .NET subtracts.
            (_at, _native) = (hyphen + 1, false);
            set.Add(low, low).Add('-', '-');
            return;
        }

        set.Add(low, Character());
    }

    private CharacterSet? NamedSet()
    {
        if (pattern[_at] != '\\' || _at + 1 >= pattern.Length)
        {
            return null;
        }

        if (PatternEscapes.Property(pattern, _at, section, out var end) is { } property)
        {
            _native &= PatternEscapes.IsNative(pattern[_at..end]);
            _at = end;
            return property;
        }

        var set = pattern[_at + 1] switch
        {
            'd' or 'D' => CharacterSet.OfProperty("Nd"),
            's' or 'S' => CharacterSet.Space(),
            'w' or 'W' => CharacterSet.Word(),
            'h' or 'H' => new CharacterSet().Add('0', '9').Add('A', 'F').Add('a', 'f'),
            _ => null,
        };
        if (set is null)
        {
            return null;
        }

        _native &= pattern[_at + 1] is not ('w' or 'W' or 'h' or 'H');
        var inverted = char.IsAsciiLetterUpper(pattern[_at + 1]);
        _at += 2;
        return inverted ? set.Invert() : set;
    }

    private int Character()
    {
        if (pattern[_at] != '\\' || _at + 1 >= pattern.Length)
        {
            Rune.DecodeFromUtf16(pattern.AsSpan(_at), out var rune, out var length);
            _at += length;
            return rune.Value;
        }

        if (PatternEscapes.Code(pattern, _at, out var end) is { } code)
        {
            (_at, _native) = (end, false);
            return code;
        }

        var next = pattern[_at + 1];
        _at += 2;
        return next switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'b' => '\b',
            'e' => '\x1B',
            'x' => Hex(2),
            'u' => Hex(4),
            _ => next,
        };
    }

    private int Hex(int digits)
    {
        var length = Math.Min(digits, pattern.Length - _at);
        if (!int.TryParse(
            pattern.AsSpan(_at, length), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var code))
        {
            return 0;
        }

        _at += length;
        return code;
    }

    // A set such as [:alpha:], within a class.
    private CharacterSet? Posix()
    {
        var end = pattern.IndexOf(":]", _at, StringComparison.Ordinal);
        if (!pattern.AsSpan(_at).StartsWith("[:", StringComparison.Ordinal) || end < 0)
        {
            return null;
        }

        var name = pattern[(_at + 2)..end];
        var set = name.TrimStart('^') switch
        {
            "alpha" => CharacterSet.OfProperty("Alphabetic"),
            "digit" => CharacterSet.OfProperty("Nd"),
            "alnum" => CharacterSet.OfProperty("Alphabetic")!.Add(CharacterSet.OfProperty("Nd")!),
            "upper" => CharacterSet.OfProperty("Uppercase"),
            "lower" => CharacterSet.OfProperty("Lowercase"),
            "space" => CharacterSet.Space(),
            "word" => CharacterSet.Word(),
            "cntrl" => CharacterSet.OfProperty("Cc"),
            "xdigit" => new CharacterSet().Add('0', '9').Add('A', 'F').Add('a', 'f'),
            "blank" => CharacterSet.OfProperty("Zs")!.Add('\t', '\t'),
            "punct" => CharacterSet.OfProperty("P")!.Add('$', '$').Add('+', '+').Add('<', '>').Add('^', '^')
                .Add('`', '`').Add('|', '|').Add('~', '~'),
            _ => null,
        };
        if (set is null)
        {
            return null;
        }

        (_at, _native) = (end + 2, false);
        return name.StartsWith('^') ? set.Invert() : set;
    }
}
