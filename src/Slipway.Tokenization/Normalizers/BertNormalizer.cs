using System.Globalization;
using System.Text;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.Normalizers;

/// <summary>BERT's clean-up: control characters, spaces around Chinese characters, accents, case.</summary>
internal sealed class BertNormalizer(bool cleanText, bool chinese, bool stripAccents, bool lowercase) : TextNormalizer
{
    private static readonly (int First, int Last)[] ChineseBlocks =
    [
        (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF), (0x20000, 0x2A6DF), (0x2A700, 0x2B73F),
        (0x2B740, 0x2B81F), (0x2B920, 0x2CEAF), (0x2F800, 0x2FA1F),
    ];

    public static BertNormalizer Parse(Section section)
    {
        var lowercase = section.Bool("lowercase", true);
        return new BertNormalizer(
            section.Bool("clean_text", true), section.Bool("handle_chinese_chars", true),
            section.Bool("strip_accents", lowercase), lowercase);
    }

    public override string Normalize(string text)
    {
        StringBuilder result = new(text.Length);
        foreach (var rune in text.EnumerateRunes())
        {
            if (cleanText && IsDropped(rune))
            {
                continue;
            }

            if (chinese && IsChinese(rune.Value))
            {
                result.Append(' ').AppendRune(rune).Append(' ');
            }
            else if (cleanText && Rune.IsWhiteSpace(rune))
            {
                result.Append(' ');
            }
            else
            {
                result.AppendRune(rune);
            }
        }

        var clean = result.ToString();
        var bare = stripAccents
            ? Marks.Remove(UnicodeNormalization.Normalize(clean, NormalizationForm.FormD), Marks.IsNonSpacing) : clean;
        return lowercase ? Lowercase.Lower(bare) : bare;
    }

    // Tab, line feed and carriage return are white space here, all other controls are dropped.
    private static bool IsDropped(Rune rune) => rune.Value is 0 or 0xFFFD
        || (rune.Value is not ('\t' or '\n' or '\r') && Rune.GetUnicodeCategory(rune)
            is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.PrivateUse);

    private static bool IsChinese(int code) =>
        code >= ChineseBlocks[0].First
        && Array.Exists(ChineseBlocks, block => code >= block.First && code <= block.Last);
}
