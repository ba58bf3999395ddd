namespace Slipway.Guidance.Regex;

/// <summary>Goes along a regular expression's text and says where it is wrong.</summary>
internal sealed class RegexScanner(string pattern) : TextScanner(pattern, MaxRepetitions)
{
    public const int MaxRepetitions = 10_000;

    /// <summary>Takes the text up to a character, and the character; null where nothing stands before it.</summary>
    public string? TakeUntil(char end)
    {
        var at = Text.IndexOf(end, Position);
        if (at <= Position)
        {
            return null;
        }

        var text = Text[Position..at];
        Position = at + 1;
        return text;
    }

    public int Hex(int digits)
    {
        var value = PeekHex(digits) ?? throw Malformed($"{digits} hexadecimal digits");
        Position += digits;
        return value;
    }

    public int Literal()
    {
        var isPair = char.IsHighSurrogate(Text[Position]) && Position + 1 < Text.Length
            && char.IsLowSurrogate(Text[Position + 1]);
        var value = isPair ? char.ConvertToUtf32(Text, Position) : Text[Position];
        Position += isPair ? 2 : 1;
        return value;
    }

    public bool Take(char expected)
    {
        var isNext = !AtEnd && Text[Position] == expected;
        Position += isNext ? 1 : 0;
        return isNext;
    }

    public NotSupportedException Refused(string what)
        => new(
            $"The regular expression '{Excerpt.Of(Text)}' has {what} before position {Position}, which token masks "
            + "cannot follow. Write it without, and check the rest in your code.");

    public override ArgumentException Malformed(string expected)
        => new(
            $"The regular expression '{Excerpt.Of(Text)}' is malformed at position {Position}; expected "
            + $"{expected}.");

    protected override NotSupportedException TooMany(string digits)
        => new(
            $"The regular expression '{Excerpt.Of(Text)}' repeats a part '{Excerpt.Of(digits)}' times; at most "
            + $"{MaxRepetitions} are supported.");
}
