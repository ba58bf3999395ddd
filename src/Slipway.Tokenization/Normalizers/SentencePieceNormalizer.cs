using System.Text;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Normalizers;

/// <summary>Normalizes as SentencePiece itself: by its rules, its spaces and its prefix.</summary>
internal sealed class SentencePieceNormalizer(Precompiled? rules, bool prefix, bool collapse) : TextNormalizer
{
    private const char Space = '▁';

    public static SentencePieceNormalizer Parse(Section section) => new(
        section.String("precompiled_charsmap").Length == 0 ? null : Precompiled.Parse(section),
        section.Bool("add_dummy_prefix", true), section.Bool("remove_extra_whitespaces", true));

    public override string Normalize(string text)
    {
        var ruled = rules?.NormalizeLongest(text) ?? text;
        StringBuilder result = new(ruled.Length + 1);
        var afterSpace = collapse;
        foreach (var character in ruled)
        {
            var space = character == ' ';
            if (!(collapse && space && afterSpace))
            {
                result.Append(space ? Space : character);
            }

            afterSpace = space;
        }

        if (collapse && result.Length > 0 && result[^1] == Space && ruled[^1] == ' ')
        {
            result.Length--;
        }

        return result.Length > 0 && prefix ? Space + result.ToString() : result.ToString();
    }
}
