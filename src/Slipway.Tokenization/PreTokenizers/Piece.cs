namespace Slipway.Tokenization.PreTokenizers;

/// <summary>A part of a text that the model sees on its own.</summary>
/// <param name="Text">The characters; not empty.</param>
/// <param name="Start">Where it starts in the text that went in; a prefix that was added counts for nothing.</param>
/// <param name="Added">How many characters at the start were added.</param>
internal readonly record struct Piece(string Text, int Start, int Added = 0)
{
    /// <summary>A part of this piece.</summary>
    public Piece Slice(int from, int to) =>
        from == 0 && to == Text.Length ? this
        : new Piece(Text[from..to], Start + Math.Max(from - Added, 0), Math.Max(Math.Min(Added, to) - from, 0));

    /// <summary>This piece with something in front.</summary>
    public Piece Prepend(string prefix) => new(prefix + Text, Start, Added + prefix.Length);
}
