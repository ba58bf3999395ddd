using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Normalizers;

/// <summary>Rewrites text before it is split. The table of types is <see cref="Types"/>.</summary>
internal abstract class TextNormalizer
{
    private const int MaximumDepth = 16;

    private static readonly Dictionary<string, Func<Section, int, TextNormalizer>> Types = new()
    {
        ["NFC"] = (_, _) => new UnicodeForm(System.Text.NormalizationForm.FormC),
        ["NFD"] = (_, _) => new UnicodeForm(System.Text.NormalizationForm.FormD),
        ["NFKC"] = (_, _) => new UnicodeForm(System.Text.NormalizationForm.FormKC),
        ["NFKD"] = (_, _) => new UnicodeForm(System.Text.NormalizationForm.FormKD),
        ["Nmt"] = (_, _) => new Nmt(),
        ["Precompiled"] = (section, _) => Precompiled.Parse(section),
        ["SentencePiece"] = (section, _) => SentencePieceNormalizer.Parse(section),
        ["BertNormalizer"] = (section, _) => BertNormalizer.Parse(section),
        ["StripAccents"] = (_, _) => new StripAccents(),
        ["ByteLevel"] = (_, _) => new ByteLevelNormalizer(),
        ["Lowercase"] = (_, _) => new Lowercase(),
        ["Prepend"] = (section, _) => new Prepend(section.String("prepend")),
        ["Replace"] = (section, _) => new Replace(
            Pattern.Parse(section["pattern"]), section.String("content")),
        ["Strip"] = (section, _) => new Strip(section.Bool("strip_left", true), section.Bool("strip_right", true)),
        ["Sequence"] = (section, depth) => new NormalizerSequence(
            [.. section["normalizers"].Items().Select(item => Parse(item, depth + 1))]),
    };

    public abstract string Normalize(string text);

    public static TextNormalizer Parse(Section section, int depth = 0) =>
        depth > MaximumDepth ? throw section.Error($"'{section.Path}' is nested deeper than {MaximumDepth} levels.")
        : Types.TryGetValue(section.Type, out var create) ? create(section, depth)
        : throw section.Unknown("normalizer", Types.Keys);
}
