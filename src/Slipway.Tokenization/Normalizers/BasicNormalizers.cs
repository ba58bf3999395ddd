using System.Text;
using System.Text.RegularExpressions;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.Normalizers;

/// <summary>A Unicode normalization form. Lone surrogates become U+FFFD, as no form has them.</summary>
internal sealed class UnicodeForm(NormalizationForm form) : TextNormalizer
{
    public override string Normalize(string text) => UnicodeNormalization.Normalize(text, form);
}

internal sealed class Lowercase : TextNormalizer
{
    public override string Normalize(string text) => text.ToLowerInvariant();
}

internal sealed class Prepend(string prefix) : TextNormalizer
{
    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}

internal sealed class Replace(Regex pattern, string content) : TextNormalizer
{
    public override string Normalize(string text) => pattern.Replace(text, _ => content);
}

internal sealed class Strip(bool left, bool right) : TextNormalizer
{
    public override string Normalize(string text) =>
        left && right ? text.Trim() : left ? text.TrimStart() : right ? text.TrimEnd() : text;
}

internal sealed class NormalizerSequence(TextNormalizer[] normalizers) : TextNormalizer
{
    public override string Normalize(string text)
    {
        foreach (TextNormalizer normalizer in normalizers)
        {
            text = normalizer.Normalize(text);
        }

        return text;
    }
}
