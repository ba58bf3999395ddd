namespace Slipway.Tokenization.Decoders;

/// <summary>Decoders one after the other; those in front that treat every token alike work on a token once.</summary>
internal sealed class DecoderSequence : TokenDecoder
{
    private readonly TokenDecoder[] _decoders;
    private readonly int _plain;

    private DecoderSequence(TokenDecoder[] decoders)
    {
        _decoders = decoders;
        _plain = decoders.TakeWhile(decoder => decoder is PlainDecoder).Count();
        UsesBytes = decoders.Any(decoder => decoder.UsesBytes);
    }

    public override bool UsesBytes { get; }

    // After a fuse there is one part, the whole text: stripping it needs no waiting, anything else does.
    public static DecoderSequence Of(TokenDecoder[] decoders)
    {
        TokenDecoder[] flat = [.. decoders.SelectMany(
            decoder => decoder is DecoderSequence inner ? inner._decoders : [decoder])];
        List<TokenDecoder> result = [];
        var fused = false;
        for (var i = 0; i < flat.Length; i++)
        {
            if (flat[i] is FuseDecoder)
            {
                var streams = flat.Skip(i + 1).All(next => next is StripDecoder or FuseDecoder);
                fused = true;
                if (!streams)
                {
                    result.Add(flat[i]);
                    fused = false;
                }
            }
            else
            {
                result.Add(fused && flat[i] is StripDecoder strip ? strip.OfText() : flat[i]);
            }
        }

        return new DecoderSequence([.. result]);
    }

    /// <summary>Passes a token through the first decoders, those that treat every token alike.</summary>
    public string Prepare(string token) =>
        _decoders.Take(_plain).Aggregate(token, (current, decoder) => decoder.DecodeInside(current));

    /// <summary>Begins a text of tokens that went through <see cref="Prepare"/>.</summary>
    public DecoderStage StartPrepared(DecoderStage next) => Start(_plain, next);

    public override DecoderStage Start(DecoderStage next) => Start(0, next);

    public override string DecodeInside(string token) =>
        _decoders.Aggregate(token, (current, decoder) => decoder.DecodeInside(current));

    private DecoderStage Start(int first, DecoderStage next) => _decoders[first..].Reverse()
        .Aggregate(next, (following, decoder) => decoder.Start(following));
}
