using System.Globalization;

namespace Slipway.Guidance;

/// <summary>Goes along the text of a grammar or a pattern.</summary>
/// <param name="text">The text.</param>
/// <param name="maxRepetitions">The most repetitions of a part that are supported.</param>
internal abstract class TextScanner(string text, int maxRepetitions)
{
    /// <summary>The place of the next character.</summary>
    public int Position { get; set; }

    public bool AtEnd => Position == Text.Length;

    /// <summary>The next character; there is one.</summary>
    public char Current => Text[Position];

    /// <summary>The whole text.</summary>
    protected string Text { get; } = text;

    /// <summary>Takes the next character; there is one.</summary>
    public char Next() => Text[Position++];

    /// <summary>Tells whether a character comes after the next one, and is another than some.</summary>
    public bool IsFollowedByOtherThan(char character)
        => Position + 1 < Text.Length && Text[Position + 1] != character;

    /// <summary>Takes a text where it comes next.</summary>
    public bool Take(string expected)
    {
        var isNext = string.CompareOrdinal(Text, Position, expected, 0, expected.Length) == 0;
        Position += isNext ? expected.Length : 0;
        return isNext;
    }

    /// <summary>Takes a number of repetitions.</summary>
    /// <exception cref="ArgumentException">No digit comes next.</exception>
    /// <exception cref="NotSupportedException">The number is above the most that is supported.</exception>
    public int Count()
    {
        var start = Position;
        while (!AtEnd && char.IsAsciiDigit(Current))
        {
            Position++;
        }

        var digits = Text[start..Position];
        if (digits.Length == 0)
        {
            throw Malformed("a count of repetitions");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count <= maxRepetitions
            ? count
            : throw TooMany(digits);
    }

    /// <summary>The error of a text that is not as the language has it.</summary>
    public abstract ArgumentException Malformed(string expected);

    /// <summary>The error of more repetitions than are supported.</summary>
    protected abstract NotSupportedException TooMany(string digits);

    /// <summary>The value of the next hexadecimal digits; null where others come, or fewer.</summary>
    protected int? PeekHex(int digits)
        => Position + digits <= Text.Length
            && int.TryParse(
                Text.AsSpan(Position, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture,
                out var value)
            ? value
            : null;
}
