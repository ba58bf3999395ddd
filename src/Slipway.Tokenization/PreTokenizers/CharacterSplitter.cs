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
        string delimiter = section.String("delimiter");
        return Rune.TryGetRuneAt(delimiter.Length > 0 ? delimiter : "\uD800", 0, out Rune rune)
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
        string text = piece.Text;
        int start = 0;
        for (int i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i), out Rune rune, out int size);
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
