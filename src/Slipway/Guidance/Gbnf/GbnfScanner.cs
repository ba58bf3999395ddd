using System.Globalization;
using System.Text;

namespace Slipway.Guidance.Gbnf;

/// <summary>Goes along a grammar's text and says where it is wrong.</summary>
internal sealed class GbnfScanner(string text)
{
    private const int MaxRepetitions = 2_000;

    /// <summary>The place of the next character.</summary>
    public int Position { get; set; }

    public bool AtEnd => Position == text.Length;

    /// <summary>Tells whether nothing more comes on this line.</summary>
    public bool AtLineEnd => AtEnd || Current is '\n' or '\r';

    /// <summary>The next character; there is one.</summary>
    public char Current => text[Position];

    /// <summary>Takes the next character; there is one.</summary>
    public char Next() => text[Position++];

    /// <summary>Tells whether a character comes after the next one, and is another than some.</summary>
    public bool IsFollowedByOtherThan(char character)
        => Position + 1 < text.Length && text[Position + 1] != character;

    /// <summary>Takes the next character, which may be two of UTF-16.</summary>
    public int NextRune()
    {
        if (!Rune.TryGetRuneAt(text, Position, out var rune))
        {
            throw Malformed("a character, not half of a surrogate pair");
        }

        Position += rune.Utf16SequenceLength;
        return rune.Value;
    }

    public int Hex(int digits)
    {
        if (Position + digits > text.Length
            || !int.TryParse(
                text.AsSpan(Position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var value)
            || !Rune.IsValid(value))
        {
            throw Malformed($"{digits} hexadecimal digits of a character");
        }

        Position += digits;
        return value;
    }

    public int Count()
    {
        var start = Position;
        while (Position < text.Length && char.IsAsciiDigit(text[Position]))
        {
            Position++;
        }

        var digits = text[start..Position];
        if (digits.Length == 0)
        {
            throw Malformed("a count of repetitions");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count <= MaxRepetitions
            ? count
            : throw new NotSupportedException(
                $"The grammar repeats a part '{Excerpt.Of(digits)}' times at {Place()}; at most {MaxRepetitions} are "
                + "supported.");
    }

    public string? Name()
    {
        var start = Position;
        while (Position < text.Length && (char.IsAsciiLetterOrDigit(text[Position]) || text[Position] is '-' or '_'))
        {
            Position++;
        }

        return Position > start ? text[start..Position] : null;
    }

    public void Skip(bool newLines)
    {
        for (; Position < text.Length; Position++)
        {
            if (text[Position] == '#')
            {
                var end = text.AsSpan(Position).IndexOfAny('\r', '\n');
                Position = end < 0 ? text.Length : Position + end;
            }

            if (Position == text.Length
                || !(text[Position] is ' ' or '\t' || (newLines && text[Position] is '\r' or '\n')))
            {
                return;
            }
        }
    }

    public bool Take(string expected)
    {
        var isNext = string.CompareOrdinal(text, Position, expected, 0, expected.Length) == 0;
        Position += isNext ? expected.Length : 0;
        return isNext;
    }

    public string Place()
    {
        var before = text.AsSpan(0, Position);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"line {before.Count('\n') + 1}, column {Position - before.LastIndexOf('\n')}");
    }

    public ArgumentException Malformed(string expected)
        => new($"The grammar is malformed at {Place()}; expected {expected}.");
}
