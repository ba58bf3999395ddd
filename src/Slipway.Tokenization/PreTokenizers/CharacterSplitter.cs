using System.Text;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits at every character of a kind.</summary>
internal sealed class CharacterSplitter(Func<Rune, bool> isDelimiter, string behavior) : TextSplitter
{
    public static CharacterSplitter WhiteSpace { get; } = new(Rune.IsWhiteSpace, "Removed");

    public static CharacterSplitter Punctuation { get; } = new(IsPunctuation, "Isolated");

    public static CharacterSplitter ParseDelimiter(Section section)
    {
        var delimiter = section.String("delimiter");
        return Rune.TryGetRuneAt(delimiter.Length > 0 ? delimiter : "\uD800", 0, out var rune)
            && rune.Utf16SequenceLength == delimiter.Length
                ? new CharacterSplitter(other => other == rune, "Removed")
                : throw section["delimiter"].Wrong("one character");
    }

    /// <summary>Unicode's punctuation, and every ASCII character that is no letter, digit, space or control.</summary>
    public static bool IsPunctuation(Rune rune) =>
        rune.IsAscii ? rune.Value is > ' ' and < 0x7F && !Rune.IsLetterOrDigit(rune) : Rune.IsPunctuation(rune);

    public override void Split(Piece piece, List<Piece> pieces)
    {
        List<(int, int, bool)> parts = [];
        var text = piece.Text;
        var start = 0;
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out var rune, out var size);
            if (isDelimiter(rune))
            {
                if (i > start)
                {
                    parts.Add((start, i, false));
                }

                parts.Add((i, i + size, true));
                start = i + size;
            }

            i += size;
        }

        if (start < text.Length)
        {
            parts.Add((start, text.Length, false));
        }

        SplitBehavior.Apply(behavior, piece, parts, pieces);
    }
}
