using System.Globalization;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

/// <summary>Turns tokens back into text, one stage at a time. The table of types is <see cref="Types"/>.</summary>
internal abstract class TokenDecoder
{
    private const int MaximumDepth = 16;

    private static readonly Dictionary<string, Func<Section, int, TokenDecoder>> Types = new()
    {
        ["ByteLevel"] = (_, _) => new ByteLevelDecoder(),
        ["ByteFallback"] = (_, _) => new ByteFallbackDecoder(),
        ["Fuse"] = (_, _) => new FuseDecoder(),
        ["Replace"] = (section, _) => new ReplaceDecoder(Pattern.Parse(section["pattern"]), section.String("content")),
        ["Strip"] = (section, _) => StripDecoder.Parse(section),
        ["Sequence"] = (section, depth) => new DecoderSequence(
            [.. section["decoders"].Items().Select(item => Parse(item, depth + 1))]),
    };

    /// <summary>Whether every token stands for bytes of the byte-level alphabet.</summary>
    public virtual bool UsesBytes => false;

    /// <summary>Decodes the tokens; the text is the parts in a row.</summary>
    public abstract List<string> Decode(List<string> tokens);

    /// <summary>The text of one token in running text, without what only happens at the start.</summary>
    public virtual string DecodeInside(string token) => string.Concat(Decode([token]));

    /// <summary>Leading characters that are dropped at the start of a text, and which.</summary>
    public virtual (char Character, int Count) StartStrip => default;

    public static TokenDecoder Parse(Section section, int depth = 0) =>
        depth > MaximumDepth ? throw section.Error($"'{section.Path}' is nested deeper than {MaximumDepth} levels.")
        : Types.TryGetValue(section.Type, out Func<Section, int, TokenDecoder>? create) ? create(section, depth)
        : throw section.Unknown("decoder", Types.Keys);

    /// <summary>The value of a token such as <c>&lt;0x0A&gt;</c>, or −1.</summary>
    public static int ByteOf(string token) =>
        token.Length == 6 && token.StartsWith("<0x", StringComparison.Ordinal) && token[5] == '>'
        && byte.TryParse(token.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte value)
            ? value : -1;
}
