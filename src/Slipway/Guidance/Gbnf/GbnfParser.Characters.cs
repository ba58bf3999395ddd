using System.Globalization;
using System.Text;
using Slipway.Guidance.Characters;

namespace Slipway.Guidance.Gbnf;

internal sealed partial class GbnfParser
{
    private static GrammarElement One(CharacterSet set)
        => PatternElement.Of(new(CharacterAutomaton.Of(set)), CharacterForm.Plain);

    private GrammarElement Literal()
    {
        var text = new StringBuilder();
        while (!Take("\""))
        {
            text.Append(char.ConvertFromUtf32(Character("'\"'")));
        }

        return GrammarElement.Literal(text.ToString());
    }

    private CharacterSet Class()
    {
        var isNegated = Take("^");
        var ranges = new List<(int First, int Last)>();
        while (!Take("]"))
        {
            var first = Character("']'");
            var last = _at + 1 < _text.Length && _text[_at] == '-' && _text[_at + 1] != ']' ? Later(first) : first;
            ranges.Add((first, last));
        }

        var rest = CharacterSet.Of(ranges).Complement();
        var set = isNegated ? rest : rest.Complement();
        return set.Ranges.Count > 0 ? set : throw Malformed("at least one character in the brackets before it");
    }

    private int Later(int first)
    {
        _at++;
        var last = Character("']'");
        return last >= first ? last : throw Malformed("a range from a character to a later one");
    }

    private int Character(string end)
    {
        if (_at == _text.Length || _text[_at] is '\n' or '\r')
        {
            throw Malformed(end);
        }

        if (!Take("\\"))
        {
            if (!Rune.TryGetRuneAt(_text, _at, out var rune))
            {
                throw Malformed("a character, not half of a surrogate pair");
            }

            _at += rune.Utf16SequenceLength;
            return rune.Value;
        }

        var escape = _at < _text.Length ? _text[_at++] : '\0';
        return escape switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            '"' or '\\' or '[' or ']' or '-' or '^' or '/' or '.' => escape,
            _ => throw Malformed("an escape that is known before it"),
        };
    }

    private int Hex(int digits)
    {
        if (_at + digits > _text.Length
            || !int.TryParse(
                _text.AsSpan(_at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            || !Rune.IsValid(value))
        {
            throw Malformed($"{digits} hexadecimal digits of a character");
        }

        _at += digits;
        return value;
    }
}
