using System.Text;

namespace Slipway.Tokenization.Normalizers;

/// <summary>
/// Drops control characters and turns unusual white space into spaces, as SentencePiece's nmt rules do.
/// </summary>
internal sealed class Nmt : TextNormalizer
{
    public override string Normalize(string text)
    {
        StringBuilder result = new(text.Length);
        foreach (var character in text)
        {
            switch ((int)character)
            {
                case (>= 1 and <= 8) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F:
                    break;
                case 9 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029
                    or 0x2581 or 0xFEFF or 0xFFFD:
                    result.Append(' ');
                    break;
                default:
                    result.Append(character);
                    break;
            }
        }

        return result.ToString();
    }
}
