using System.Globalization;
using System.Text;

namespace Slipway.Tokenization.Templates.Syntax;

/// <summary>Cuts the inside of a block or an output into names, numbers, texts and operators.</summary>
internal sealed class TagLexer(string source)
{
    private static readonly string[] Operators =
        ["**", "//", "==", "!=", "<=", ">=", "+", "-", "*", "/", "%", "~", "(", ")", "[", "]", "{", "}", "|", ",", ":",
         ".", "=", "<", ">"];

    private int _at;

    /// <summary>The position behind the tag.</summary>
    public int End => _at;

    /// <summary>The line of the tag's end.</summary>
    public int Line { get; private set; }

    /// <summary>Reads a tag from behind its opening to its end.</summary>
    /// <param name="start">The position.</param>
    /// <param name="line">Its line.</param>
    /// <param name="block">Whether the tag is a block and no output.</param>
    /// <param name="tokens">Receives the tokens, the tag's opening and end among them.</param>
    /// <returns>The '-' or '+' at the end, or a null character.</returns>
    public char Read(int start, int line, bool block, List<TemplateToken> tokens)
    {
        (_at, Line) = (start, line);
        var close = block ? "%}" : "}}";
        tokens.Add(new(block ? TokenKind.BlockBegin : TokenKind.OutputBegin, block ? "{%" : "{{", Line));
        Stack<char> open = new();
        while (true)
        {
            SkipSpace();
            if (_at >= source.Length)
            {
                throw Error($"'{(block ? "{%" : "{{")}' has no '{close}'.");
            }

            var rest = source.AsSpan(_at);
            if (open.Count == 0)
            {
                var control = rest[0] == '-' || (block && rest[0] == '+') ? rest[0] : '\0';
                if ((control == '\0' ? rest : rest[1..]).StartsWith(close))
                {
                    _at += control == '\0' ? 2 : 3;
                    tokens.Add(new(block ? TokenKind.BlockEnd : TokenKind.OutputEnd, close, Line));
                    return control;
                }
            }

            var token = ReadToken(rest);
            if (token.Kind == TokenKind.Operator)
            {
                Balance(token.Value[0], open);
            }

            tokens.Add(token);
        }
    }

    private void Balance(char character, Stack<char> open)
    {
        if (character is '(' or '[' or '{')
        {
            open.Push(character switch { '(' => ')', '[' => ']', _ => '}' });
        }
        else if (character is (')' or ']' or '}') && (!open.TryPop(out var expected) || expected != character))
        {
            throw Error($"the character '{character}' closes nothing.");
        }
    }

    private void SkipSpace()
    {
        while (_at < source.Length && CharacterKinds.IsSpace(source[_at]))
        {
            Line += source[_at++] == '\n' ? 1 : 0;
        }
    }

    private TemplateToken ReadToken(ReadOnlySpan<char> rest)
    {
        if (NumberLength(rest) is var digits && digits > 0)
        {
            _at += digits;
            return new(TokenKind.Number, rest[..digits].ToString().Replace("_", "", StringComparison.Ordinal), Line);
        }

        if (NameLength(rest) is var length && length > 0)
        {
            _at += length;
            return new(TokenKind.Name, rest[..length].ToString(), Line);
        }

        if (rest[0] is '\'' or '"')
        {
            return ReadQuoted(rest[0]);
        }

        foreach (var candidate in Operators)
        {
            if (rest.StartsWith(candidate))
            {
                _at += candidate.Length;
                return new(TokenKind.Operator, candidate, Line);
            }
        }

        throw Error($"the character '{rest[0]}' is not expected here.");
    }

    private static int NameLength(ReadOnlySpan<char> rest)
    {
        var length = 0;
        foreach (var rune in rest.EnumerateRunes())
        {
            var fits = CharacterKinds.IsWord(rune) || (length > 0 && Rune.GetUnicodeCategory(rune)
                is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark);
            if (!fits || (length == 0 && Rune.IsDigit(rune)))
            {
                break;
            }

            length += rune.Utf16SequenceLength;
        }

        return length;
    }

    // Python's whole numbers and fractions, with underscores between digits; 0 where there is none.
    private static int NumberLength(ReadOnlySpan<char> rest)
    {
        if (!char.IsAsciiDigit(rest[0]))
        {
            return 0;
        }

        if (rest.Length > 2 && rest[0] == '0' && char.ToLowerInvariant(rest[1]) is ('x' or 'o' or 'b'))
        {
            var radix = char.ToLowerInvariant(rest[1]) switch { 'x' => 16, 'o' => 8, _ => 2 };
            var from = rest[2] == '_' ? 3 : 2;
            var digits = Digits(rest[from..], radix);
            return digits > 0 ? from + digits : 1;
        }

        var whole = Digits(rest, 10);
        var length = whole;
        var isFraction = false;
        if (length + 1 < rest.Length && rest[length] == '.' && char.IsAsciiDigit(rest[length + 1]))
        {
            length += 1 + Digits(rest[(length + 1)..], 10);
            isFraction = true;
        }

        if (length + 1 < rest.Length && rest[length] is ('e' or 'E'))
        {
            var sign = rest[length + 1] is '+' or '-' ? 1 : 0;
            var exponent = length + 1 + sign < rest.Length ? Digits(rest[(length + 1 + sign)..], 10) : 0;
            isFraction |= exponent > 0;
            length += exponent > 0 ? 1 + sign + exponent : 0;
        }

        // A whole number begins with 0 only where it is all zeros.
        return isFraction || rest[0] != '0' ? length : whole - rest[..whole].TrimStart("0_").Length;
    }

    private static int Digits(ReadOnlySpan<char> rest, int radix)
    {
        bool Is(char character) => char.IsAsciiHexDigit(character) && Convert.ToInt32(character.ToString(), 16) < radix;
        var length = 0;
        while (length < rest.Length && (Is(rest[length])
            || (rest[length] == '_' && length > 0 && rest[length - 1] != '_' && length + 1 < rest.Length
            && Is(rest[length + 1]))))
        {
            length++;
        }

        return length;
    }

    private TemplateToken ReadQuoted(char quote)
    {
        var start = Line;
        StringBuilder value = new();
        for (_at++; _at < source.Length && source[_at] != quote; _at++)
        {
            Line += source[_at] == '\n' ? 1 : 0;
            if (source[_at] == '\\' && _at + 1 < source.Length)
            {
                _at++;
                Line += source[_at] == '\n' ? 1 : 0;
                ReadEscape(value);
            }
            else
            {
                value.Append(source[_at]);
            }
        }

        if (_at >= source.Length)
        {
            throw new ChatTemplateException($"a string has no closing {quote}.", start);
        }

        _at++;
        return new(TokenKind.Quoted, value.ToString(), start);
    }

    // Python's escapes. An unknown one stays as it is.
    private void ReadEscape(StringBuilder value)
    {
        var character = source[_at];
        var digits = character switch { 'x' => 2, 'u' => 4, 'U' => 8, _ => 0 };
        if (digits > 0)
        {
            if (_at + digits >= source.Length || !uint.TryParse(
                source.AsSpan(_at + 1, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var code)
                || code > 0x10FFFF)
            {
                throw Error($"the escape '\\{character}' needs {digits} hexadecimal digits.");
            }

            _ = code <= 0xFFFF ? value.Append((char)code) : value.Append(new Rune(code));
            _at += digits;
            return;
        }

        if (character is >= '0' and <= '7')
        {
            var code = 0;
            var end = Math.Min(source.Length, _at + 3);
            for (; _at < end && source[_at] is >= '0' and <= '7'; _at++)
            {
                code = (code * 8) + source[_at] - '0';
            }

            _at--;
            value.Append((char)code);
            return;
        }

        _ = character switch
        {
            'N' =>
                throw Error("the escape '\\N' (a character by its name) is not supported. Write the character itself."),
            'n' => value.Append('\n'),
            't' => value.Append('\t'),
            'r' => value.Append('\r'),
            'a' => value.Append('\a'),
            'b' => value.Append('\b'),
            'f' => value.Append('\f'),
            'v' => value.Append('\v'),
            '\\' or '\'' or '"' => value.Append(character),
            '\n' => value,
            _ => value.Append('\\').Append(character),
        };
    }

    private ChatTemplateException Error(string message) => new(message, Line);
}
