namespace Slipway.Tokenization;

/// <summary>Shortens what messages quote, so that no message grows with what a stranger wrote.</summary>
internal static class Quoted
{
    private const int MaxLength = 80;

    /// <summary>The value as a message quotes it: whole, or its beginning and an ellipsis.</summary>
    /// <param name="value">Any text.</param>
    public static string Short(ReadOnlySpan<char> value)
        => Short(value[..Math.Min(value.Length, MaxLength + 1)].ToString());

    /// <inheritdoc cref="Short(ReadOnlySpan{char})"/>
    public static string Short(string value) => value.Length <= MaxLength ? value
        : string.Concat(value.AsSpan(0, MaxLength - (char.IsHighSurrogate(value[MaxLength - 1]) ? 1 : 0)), "…");
}
