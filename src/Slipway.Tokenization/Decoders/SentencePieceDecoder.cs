using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

/// <summary>Decodes as SentencePiece itself: the first piece loses its space, an unknown one is marked.</summary>
internal sealed class SentencePieceDecoder(string unknown, bool prefix, bool collapse) : TokenDecoder
{
    private const char Space = '▁';
    private const string UnknownSurface = " \u2047 ";

    public static TokenDecoder Parse(Section section) => DecoderSequence.Of(
    [
        new SentencePieceDecoder(
            section.String("unk_token"), section.Bool("add_dummy_prefix", true),
            section.Bool("remove_extra_whitespaces", true)),
        new ByteFallbackDecoder(),
    ]);

    public override DecoderStage Start(DecoderStage next) => new Stage(this, prefix || collapse, collapse, next);

    public override string DecodeInside(string token) =>
        unknown.Length > 0 && token == unknown ? UnknownSurface : token.Replace(Space, ' ');

    private sealed class Stage(SentencePieceDecoder decoder, bool strips, bool stripsAll, DecoderStage next)
        : DecoderStage(next)
    {
        private bool _atStart = strips;

        public override void Append(string part)
        {
            var rest = !_atStart ? part : stripsAll ? part.TrimStart(Space) : part.StartsWith(Space) ? part[1..] : part;
            _atStart = _atStart && stripsAll && rest.Length == 0;
            Pass(decoder.DecodeInside(rest));
        }
    }
}
