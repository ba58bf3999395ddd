using System.Globalization;
using System.Text;

namespace Slipway.Guidance.Gbnf;

/// <summary>Goes along a grammar's text and says where it is wrong.</summary>
internal sealed class GbnfScanner(string text) : TextScanner(text, MaxRepetitions)
{
    private const int MaxRepetitions = 2_000;

    /// <summary>Tells whether nothing more comes on this line.</summary>
    public bool AtLineEnd => AtEnd || Current is '\n' or '\r';

    /// <summary>Takes the next character, which may be two of UTF-16.</summary>
    public int NextRune()
    {
        if (!Rune.TryGetRuneAt(Text, Position, out var rune))
        {
            throw Malformed("a character, not half of a surrogate pair");
        }

        Position += rune.Utf16SequenceLength;
        return rune.Value;
    }

    public int Hex(int digits)
    {
        if (PeekHex(digits) is not { } value || !Rune.IsValid(value))
        {
            throw Malformed($"{digits} hexadecimal digits of a character");
        }

        Position += digits;
        return value;
    }

    public string? Name()
    {
        var start = Position;
        while (Position < Text.Length && (char.IsAsciiLetterOrDigit(Text[Position]) || Text[Position] is '-' or '_'))
        {
            Position++;
        }

        return Position > start ? Text[start..Position] : null;
    }

    public void Skip(bool newLines)
    {
        for (; Position < Text.Length; Position++)
        {
            if (Text[Position] == '#')
            {
                var end = Text.AsSpan(Position).IndexOfAny('\r', '\n');
                Position = end < 0 ? Text.Length : Position + end;
            }

            if (Position == Text.Length
                || !(Text[Position] is ' ' or '\t' || (newLines && Text[Position] is '\r' or '\n')))
            {
                return;
            }
        }
    }

    public string Place()
    {
        var before = Text.AsSpan(0, Position);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"line {before.Count('\n') + 1}, column {Position - before.LastIndexOf('\n')}");
    }

    public override ArgumentException Malformed(string expected)
        => new($"The grammar is malformed at {Place()}; expected {expected}.");

    protected override NotSupportedException TooMany(string digits)
        => new(
            $"The grammar repeats a part '{Excerpt.Of(digits)}' times at {Place()}; at most {MaxRepetitions} are "
            + "supported.");
}
