using System.Buffers;
using System.Text;
using Slipway.Tokenization.Files;
using Slipway.Tokenization.PreTokenizers;

namespace Slipway.Tokenization.Decoders;

/// <summary>Makes one part of all; needs the whole text where another decoder than a strip follows.</summary>
internal sealed class FuseDecoder : TokenDecoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    public override string DecodeInside(string token) => token;

    private sealed class Stage(DecoderStage next) : DecoderStage(next)
    {
        private readonly StringBuilder _text = new();

        public override void Append(string part) => _text.Append(part);

        protected override void Release() => Pass(_text.ToString());
    }
}

internal sealed class ReplaceDecoder(Pattern pattern, string content) : PlainDecoder
{
    public override string DecodeInside(string token) => pattern.Replace(token, content);
}

/// <summary>Replaces the visible space by a space; the first token loses its own.</summary>
internal sealed class MetaspaceDecoder(char replacement, bool dropsFirst) : TokenDecoder
{
    public static MetaspaceDecoder Parse(Section section) => new(
        MetaspaceSplitter.ParseReplacement(section), MetaspaceSplitter.ParseScheme(section) != "never");

    public override DecoderStage Start(DecoderStage next) => new Stage(replacement, dropsFirst, next);

    public override string DecodeInside(string token) => token.Replace(replacement, ' ');

    private sealed class Stage(char replacement, bool dropsFirst, DecoderStage next) : DecoderStage(next)
    {
        private bool _drops = dropsFirst;

        public override void Append(string part)
        {
            Pass(_drops
                ? part.Replace(replacement.ToString(), string.Empty, StringComparison.Ordinal)
                : part.Replace(replacement, ' '));
            _drops = false;
        }
    }
}

/// <summary>Puts a space before each token but the first, except where it continues a word.</summary>
internal sealed class WordPieceDecoder(string prefix, bool cleanup) : TokenDecoder
{
    private static readonly SearchValues<char> Punctuation = SearchValues.Create(".?!,'");

    public override DecoderStage Start(DecoderStage next) => new Stage(this, next);

    public override string DecodeInside(string token) => Clean(
        token.StartsWith(prefix, StringComparison.Ordinal) ? token[prefix.Length..] : " " + token);

    /// <summary>Removes the spaces that English has not.</summary>
    public static string CleanUp(string text) => text.Replace(" .", ".", StringComparison.Ordinal)
        .Replace(" ?", "?", StringComparison.Ordinal).Replace(" !", "!", StringComparison.Ordinal)
        .Replace(" ,", ",", StringComparison.Ordinal).Replace(" ' ", "'", StringComparison.Ordinal)
        .Replace(" n't", "n't", StringComparison.Ordinal).Replace(" 'm", "'m", StringComparison.Ordinal)
        .Replace(" do not", " don't", StringComparison.Ordinal).Replace(" 's", "'s", StringComparison.Ordinal)
        .Replace(" 've", "'ve", StringComparison.Ordinal).Replace(" 're", "'re", StringComparison.Ordinal);

    // Most tokens hold nothing of that kind, which is quicker to see than to replace.
    private string Clean(string text) => cleanup
        && (text.AsSpan().ContainsAny(Punctuation) || text.Contains(" do not", StringComparison.Ordinal))
            ? CleanUp(text) : text;

    private sealed class Stage(WordPieceDecoder decoder, DecoderStage next) : DecoderStage(next)
    {
        private bool _first = true;

        public override void Append(string part)
        {
            Pass(_first ? decoder.Clean(part) : decoder.DecodeInside(part));
            _first = false;
        }
    }
}

/// <summary>Speech: equal neighbours are one, the pad token is silence, the delimiter a space.</summary>
internal sealed class CtcDecoder(string pad, string delimiter, bool cleanup) : TokenDecoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(this, next);

    public override string DecodeInside(string token)
    {
        var text = pad.Length == 0 ? token : token.Replace(pad, string.Empty, StringComparison.Ordinal);
        return !cleanup ? text : delimiter.Length == 0 ? WordPieceDecoder.CleanUp(text)
            : WordPieceDecoder.CleanUp(text).Replace(delimiter, " ", StringComparison.Ordinal);
    }

    private sealed class Stage(CtcDecoder decoder, DecoderStage next) : DecoderStage(next)
    {
        private string? _last;

        public override void Append(string part)
        {
            if (part != _last)
            {
                Pass(decoder.DecodeInside(part));
            }

            _last = part;
        }
    }
}

/// <summary>The end-of-word suffix becomes a space, but not at the end of the text.</summary>
internal sealed class SuffixDecoder(string suffix) : TokenDecoder
{
    public override DecoderStage Start(DecoderStage next) => new Stage(this, next);

    public override string DecodeInside(string token) => Replace(token, " ");

    private string Replace(string token, string by) =>
        suffix.Length == 0 ? token : token.Replace(suffix, by, StringComparison.Ordinal);

    private sealed class Stage(SuffixDecoder decoder, DecoderStage next) : DecoderStage(next)
    {
        private string? _held;

        public override void Append(string part)
        {
            if (_held is not null)
            {
                Pass(decoder.DecodeInside(_held));
            }

            _held = part;
        }

        protected override void Release()
        {
            if (_held is not null)
            {
                Pass(decoder.Replace(_held, string.Empty));
            }
        }
    }
}
