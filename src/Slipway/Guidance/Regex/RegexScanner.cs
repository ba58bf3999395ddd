using System.Globalization;

namespace Slipway.Guidance.Regex;

/// <summary>Goes along a regular expression's text and says where it is wrong.</summary>
internal sealed class RegexScanner(string pattern)
{
    public const int MaxRepetitions = 10_000;

    /// <summary>The place of the next character.</summary>
    public int Position { get; set; }

    public bool AtEnd => Position == pattern.Length;

    /// <summary>The next character; there is one.</summary>
    public char Current => pattern[Position];

    /// <summary>Takes the next character; there is one.</summary>
    public char Next() => pattern[Position++];

    /// <summary>Tells whether a character comes after the next one, and is another than some.</summary>
    public bool IsFollowedByOtherThan(char character)
        => Position + 1 < pattern.Length && pattern[Position + 1] != character;

    /// <summary>Takes the text up to a character, and the character; null where nothing stands before it.</summary>
    public string? TakeUntil(char end)
    {
        var at = pattern.IndexOf(end, Position);
        if (at <= Position)
        {
            return null;
        }

        var text = pattern[Position..at];
        Position = at + 1;
        return text;
    }

    public int Count()
    {
        var start = Position;
        while (!AtEnd && char.IsAsciiDigit(pattern[Position]))
        {
            Position++;
        }

        var digits = pattern[start..Position];
        if (digits.Length == 0)
        {
            throw Malformed("a count of repetitions");
        }

        return int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            && count <= MaxRepetitions
            ? count
            : throw new NotSupportedException(
                $"The regular expression '{Excerpt.Of(pattern)}' repeats a part '{Excerpt.Of(digits)}' times; at most "
                + $"{MaxRepetitions} are supported.");
    }

    public int Hex(int digits)
    {
        if (Position + digits > pattern.Length
            || !int.TryParse(pattern.AsSpan(Position, digits), NumberStyles.AllowHexSpecifier,
            CultureInfo.InvariantCulture, out var value))
        {
            throw Malformed($"{digits} hexadecimal digits");
        }

        Position += digits;
        return value;
    }

    public int Literal()
    {
        var isPair = char.IsHighSurrogate(pattern[Position]) && Position + 1 < pattern.Length
            && char.IsLowSurrogate(pattern[Position + 1]);
        var value = isPair ? char.ConvertToUtf32(pattern, Position) : pattern[Position];
        Position += isPair ? 2 : 1;
        return value;
    }

    public bool Take(char expected)
    {
        var isNext = !AtEnd && pattern[Position] == expected;
        Position += isNext ? 1 : 0;
        return isNext;
    }

    public bool Take(string expected)
    {
        var isNext = string.CompareOrdinal(pattern, Position, expected, 0, expected.Length) == 0;
        Position += isNext ? expected.Length : 0;
        return isNext;
    }

    public NotSupportedException Refused(string what)
        => new(
            $"The regular expression '{Excerpt.Of(pattern)}' has {what} before position {Position}, which token masks "
            + "cannot follow. Write it without, and check the rest in your code.");

    public ArgumentException Malformed(string expected)
        => new(
            $"The regular expression '{Excerpt.Of(pattern)}' is malformed at position {Position}; expected "
            + $"{expected}.");
}
