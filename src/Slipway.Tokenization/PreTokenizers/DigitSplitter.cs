using System.Text;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Separates numbers from other text, each digit alone where <paramref name="individual"/> is set.</summary>
internal sealed class DigitSplitter(bool individual) : TextSplitter
{
    public override void Split(string text, Range range, List<Range> pieces)
    {
        (int offset, int length) = range.GetOffsetAndLength(text.Length);
        int end = offset + length, start = offset;
        bool inNumber = false;
        for (int i = offset; i < end;)
        {
            Rune.DecodeFromUtf16(text.AsSpan(i, end - i), out Rune rune, out int size);
            bool digit = Rune.IsNumber(rune);
            if (i > start && (digit != inNumber || (digit && individual)))
            {
                pieces.Add(start..i);
                start = i;
            }

            inNumber = digit;
            i += size;
        }

        if (start < end)
        {
            pieces.Add(start..end);
        }
    }
}
