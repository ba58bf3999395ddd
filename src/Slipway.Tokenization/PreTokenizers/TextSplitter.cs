using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>
/// Splits text into the pieces that the model sees one by one. The table of types is <see cref="Types"/>.
/// </summary>
internal abstract class TextSplitter
{
    private const int MaximumDepth = 16;

    private static readonly Dictionary<string, Func<Section, int, TextSplitter>> Types = new()
    {
        ["ByteLevel"] = (section, _) => new ByteLevelSplitter(
            section.Bool("add_prefix_space", true), section.Bool("use_regex", true)),
        ["Digits"] = (section, _) => new DigitSplitter(section.Bool("individual_digits", false)),
        ["Split"] = (section, _) => PatternSplitter.Parse(section),
        ["Metaspace"] = (section, _) => MetaspaceSplitter.Parse(section),
        ["BertPreTokenizer"] = (_, _) =>
            new SplitterSequence([CharacterSplitter.WhiteSpace, CharacterSplitter.Punctuation]),
        ["Whitespace"] = (_, _) => new PatternSplitter(
            Pattern.BuiltIn(PublishedPatterns.WordCharacters()), "Removed", invert: true),
        ["WhitespaceSplit"] = (_, _) => CharacterSplitter.WhiteSpace,
        ["Punctuation"] = (section, _) => new CharacterSplitter(
            CharacterSplitter.IsPunctuation, PatternSplitter.ParseBehavior(section, "Isolated")),
        ["CharDelimiterSplit"] = (section, _) => CharacterSplitter.ParseDelimiter(section),
        ["FixedLength"] = (section, _) => FixedLengthSplitter.Parse(section),
        ["Sequence"] = (section, depth) => new SplitterSequence(
            [.. section["pretokenizers"].Items().Select(item => Parse(item, depth + 1))]),
    };

    /// <summary>True where the model sees the pieces' UTF-8 bytes instead of their characters.</summary>
    public virtual bool UsesBytes => false;

    /// <summary>True where every piece is left as it is.</summary>
    public virtual bool KeepsWhole => false;

    /// <summary>Splits a piece and appends the parts, none of them empty, in order.</summary>
    public abstract void Split(Piece piece, List<Piece> pieces);

    public static TextSplitter Parse(Section section, int depth = 0) =>
        depth > MaximumDepth ? throw section.Error($"'{section.Path}' is nested deeper than {MaximumDepth} levels.")
        : Types.TryGetValue(section.Type, out var create) ? create(section, depth)
        : throw section.Unknown("pre-tokenizer", Types.Keys);
}
