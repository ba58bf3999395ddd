using System.Text;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits after every so many characters.</summary>
internal sealed class FixedLengthSplitter(int length) : TextSplitter
{
    private const int DefaultLength = 5;

    public static FixedLengthSplitter Parse(Section section)
    {
        var length = section["length"].IsNull ? DefaultLength : section.Int("length");
        return length > 0 ? new FixedLengthSplitter(length) : throw section["length"].Wrong("1 or more");
    }

    public override void Split(Piece piece, List<Piece> pieces)
    {
        int start = 0, count = 0;
        for (var i = 0; i < piece.Length;)
        {
            Rune.DecodeFromUtf16(piece.Text[i..], out _, out var size);
            i += size;
            if (++count == length)
            {
                pieces.Add(piece.Slice(start, i));
                (start, count) = (i, 0);
            }
        }

        if (start < piece.Length)
        {
            pieces.Add(piece.Slice(start, piece.Length));
        }
    }
}
