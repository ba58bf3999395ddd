using System.Text;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Separates numbers from other text, each digit alone where <paramref name="individual"/> is set.</summary>
internal sealed class DigitSplitter(bool individual) : TextSplitter
{
    public override void Split(Piece piece, List<Piece> pieces)
    {
        var text = piece.Text;
        var start = 0;
        var inNumber = false;
        for (var i = 0; i < text.Length;)
        {
            Rune.DecodeFromUtf16(text[i..], out var rune, out var size);
            var digit = Rune.IsNumber(rune);
            if (i > start && (digit != inNumber || (digit && individual)))
            {
                pieces.Add(piece.Slice(start, i));
                start = i;
            }

            inNumber = digit;
            i += size;
        }

        pieces.Add(piece.Slice(start, text.Length));
    }
}
