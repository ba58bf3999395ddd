using System.Globalization;
using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

/// <summary>Turns tokens back into text. The table of types is <see cref="Types"/>.</summary>
internal abstract class TokenDecoder
{
    private const int MaximumDepth = 16;

    private static readonly Dictionary<string, Func<Section, int, TokenDecoder>> Types = new()
    {
        ["ByteLevel"] = (_, _) => DecoderSequence.Of([new ByteAlphabetDecoder(), new Utf8Decoder()]),
        ["ByteFallback"] = (_, _) => new ByteFallbackDecoder(),
        ["Fuse"] = (_, _) => new FuseDecoder(),
        ["Replace"] = (section, _) => new ReplaceDecoder(
            Pattern.Parse(section["pattern"]), section.String("content")),
        ["Strip"] = (section, _) => StripDecoder.Parse(section),
        ["Metaspace"] = (section, _) => MetaspaceDecoder.Parse(section),
        ["SentencePiece"] = (section, _) => SentencePieceDecoder.Parse(section),
        ["WordPiece"] = (section, _) => new WordPieceDecoder(
            section.OptionalString("prefix") ?? "##", section.Bool("cleanup", true)),
        ["CTC"] = (section, _) => new CtcDecoder(
            section.OptionalString("pad_token") ?? "<pad>", section.OptionalString("word_delimiter_token") ?? "|",
            section.Bool("cleanup", true)),
        ["BPEDecoder"] = (section, _) => new SuffixDecoder(section.OptionalString("suffix") ?? "</w>"),
        ["Sequence"] = (section, depth) => DecoderSequence.Of(
            [.. section["decoders"].Items().Select(item => Parse(item, depth + 1))]),
    };

    /// <summary>True where every token stands for bytes of the byte-level alphabet.</summary>
    public virtual bool UsesBytes => false;

    /// <summary>Begins a text.</summary>
    /// <param name="next">Takes what is decoded.</param>
    public abstract DecoderStage Start(DecoderStage next);

    /// <summary>The text of one token in running text, without what only happens at the start or the end.</summary>
    public abstract string DecodeInside(string token);

    public static TokenDecoder Parse(Section section, int depth = 0) =>
        depth > MaximumDepth ? throw section.Error($"'{section.Path}' is nested deeper than {MaximumDepth} levels.")
        : Types.TryGetValue(section.Type, out var create) ? create(section, depth)
        : throw section.Unknown("decoder", Types.Keys);

    /// <summary>The value of a token such as <c>&lt;0x0A&gt;</c>, or −1.</summary>
    public static int ByteOf(ReadOnlySpan<char> token) =>
        token.Length == 6 && token.StartsWith("<0x") && token[5] == '>'
        && byte.TryParse(
            token.Slice(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var value)
            ? value : -1;
}

/// <summary>One decoder at work on one text: hands parts on to the next once they are certain.</summary>
/// <remarks>
/// What comes out, joined, does not depend on when it is asked for: whole texts are decoded the same way.
/// </remarks>
/// <param name="next">The next decoder's stage; null for the last one.</param>
internal abstract class DecoderStage(DecoderStage? next)
{
    /// <summary>Takes the next part and hands on what became certain.</summary>
    public abstract void Append(string part);

    /// <summary>Hands on all that is certain, for stages that gather it.</summary>
    public virtual void Settle() => next?.Settle();

    /// <summary>Ends the text: hands on what was held back.</summary>
    public void Flush()
    {
        Release();
        next?.Flush();
    }

    /// <summary>Hands a part on.</summary>
    protected void Pass(string part) => next!.Append(part);

    /// <summary>Hands on what was held back.</summary>
    protected virtual void Release()
    {
    }
}

/// <summary>A decoder that treats every token alike.</summary>
internal abstract class PlainDecoder : TokenDecoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(this, next);

    private sealed class Stage(PlainDecoder decoder, DecoderStage next) : DecoderStage(next)
    {
        public override void Append(string part) => Pass(decoder.DecodeInside(part));
    }
}
