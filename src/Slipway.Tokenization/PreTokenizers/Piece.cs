namespace Slipway.Tokenization.PreTokenizers;

/// <summary>A part of a text that the model sees on its own.</summary>
/// <param name="Source">The text that holds the characters.</param>
/// <param name="Offset">The place of the first of them in <paramref name="Source"/>.</param>
/// <param name="Length">The number of characters, not 0.</param>
/// <param name="Start">Where it starts in the text that went in; a prefix that was added counts for nothing.</param>
/// <param name="Added">How many characters at the start were added.</param>
internal readonly record struct Piece(string Source, int Offset, int Length, int Start, int Added = 0)
{
    /// <summary>The characters.</summary>
    public ReadOnlySpan<char> Text => Source.AsSpan(Offset, Length);

    /// <summary>A part of this piece.</summary>
    public Piece Slice(int from, int to) => new(
        Source, Offset + from, to - from, Start + Math.Max(from - Added, 0), Math.Max(Math.Min(Added, to) - from, 0));

    /// <summary>This piece with something in front.</summary>
    public Piece Prepend(string prefix) =>
        new(string.Concat(prefix, Text), 0, prefix.Length + Length, Start, Added + prefix.Length);
}
