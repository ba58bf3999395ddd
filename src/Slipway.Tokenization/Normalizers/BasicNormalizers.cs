using System.Text;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.Unicode;

namespace Slipway.Tokenization.Normalizers;

/// <summary>A Unicode normalization form. Lone surrogates become U+FFFD, as no form has them.</summary>
internal sealed class UnicodeForm(NormalizationForm form) : TextNormalizer
{
    public override string Normalize(string text) => UnicodeNormalization.Normalize(text, form);
}

/// <summary>Lower case of each character on its own.</summary>
internal sealed class Lowercase : TextNormalizer
{
    /// <summary>The only character whose lower case is two, in every language.</summary>
    private const string DottedI = "\u0130";

    public static string Lower(string text) =>
        text.Replace(DottedI, "i\u0307", StringComparison.Ordinal).ToLowerInvariant();

    public override string Normalize(string text) => Lower(text);
}

internal sealed class Prepend(string prefix) : TextNormalizer
{
    public override string Normalize(string text) => text.Length == 0 ? text : prefix + text;
}

internal sealed class Replace(Pattern pattern, string content) : TextNormalizer
{
    public override string Normalize(string text) => pattern.Replace(text, content);
}

/// <summary>Writes each byte of the text as a character of the byte alphabet.</summary>
internal sealed class ByteLevelNormalizer : TextNormalizer
{
    public override string Normalize(string text) => ByteAlphabet.Encode(text);
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
        foreach (var normalizer in normalizers)
        {
            text = normalizer.Normalize(text);
        }

        return text;
    }
}
