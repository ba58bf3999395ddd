using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.PreTokenizers;

/// <summary>Splits text into the pieces that the model sees one by one. The table of types is <see cref="Types"/>.</summary>
/// <remarks>A piece is a slice of the text that went in; only <see cref="TransformText"/> may change that text.</remarks>
internal abstract class TextSplitter
{
    private const int MaximumDepth = 16;

    private static readonly Dictionary<string, Func<Section, int, TextSplitter>> Types = new()
    {
        ["ByteLevel"] = (section, _) => new ByteLevelSplitter(
            section.Bool("add_prefix_space", true), section.Bool("use_regex", true)),
        ["Digits"] = (section, _) => new DigitSplitter(section.Bool("individual_digits", false)),
        ["Split"] = (section, _) => PatternSplitter.Parse(section),
        ["Sequence"] = (section, depth) => new SplitterSequence(
            [.. section["pretokenizers"].Items().Select(item => Parse(item, depth + 1))]),
    };

    /// <summary>Whether the pieces' UTF-8 bytes, not their characters, are what the model sees.</summary>
    public virtual bool UsesBytes => false;

    /// <summary>Changes the whole text before the first split, as a prefix space does.</summary>
    public virtual string TransformText(string text) => text;

    /// <summary>Splits text[range] and appends the parts, none of them empty, in order.</summary>
    public abstract void Split(string text, Range range, List<Range> pieces);

    public static TextSplitter Parse(Section section, int depth = 0) =>
        depth > MaximumDepth ? throw section.Error($"'{section.Path}' is nested deeper than {MaximumDepth} levels.")
        : Types.TryGetValue(section.Type, out Func<Section, int, TextSplitter>? create) ? create(section, depth)
        : throw section.Unknown("pre-tokenizer", Types.Keys);
}
