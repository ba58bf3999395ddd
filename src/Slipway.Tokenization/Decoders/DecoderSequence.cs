namespace Slipway.Tokenization.Decoders;

internal sealed class DecoderSequence : TokenDecoder
{
    private readonly TokenDecoder[] _decoders;

    private DecoderSequence(TokenDecoder[] decoders) => _decoders = decoders;

    public override bool UsesBytes => _decoders.Any(decoder => decoder.UsesBytes);

    // After a fuse there is one part, the whole text: stripping it needs no waiting, anything else does.
    public static DecoderSequence Of(TokenDecoder[] decoders)
    {
        List<TokenDecoder> result = [];
        var fused = false;
        for (var i = 0; i < decoders.Length; i++)
        {
            if (decoders[i] is FuseDecoder)
            {
                var streams = decoders.Skip(i + 1).All(next => next is StripDecoder or FuseDecoder);
                fused = true;
                if (!streams)
                {
                    result.Add(decoders[i]);
                    fused = false;
                }
            }
            else
            {
                result.Add(fused && decoders[i] is StripDecoder strip ? strip.OfText() : decoders[i]);
            }
        }

        return new DecoderSequence([.. result]);
    }

    public override DecoderStage Start() => new Stage([.. _decoders.Select(decoder => decoder.Start())]);

    public override string DecodeInside(string token) =>
        _decoders.Aggregate(token, (current, decoder) => decoder.DecodeInside(current));

    private sealed class Stage(DecoderStage[] stages) : DecoderStage
    {
        public override void Append(string part, List<string> output) => Pass([part], 0, output);

        public override void Flush(List<string> output)
        {
            for (var i = 0; i < stages.Length; i++)
            {
                List<string> held = [];
                stages[i].Flush(held);
                Pass(held, i + 1, output);
            }
        }

        private void Pass(List<string> parts, int from, List<string> output)
        {
            for (var i = from; i < stages.Length && parts.Count > 0; i++)
            {
                List<string> next = [];
                foreach (var part in parts)
                {
                    stages[i].Append(part, next);
                }

                parts = next;
            }

            output.AddRange(parts);
        }
    }
}
