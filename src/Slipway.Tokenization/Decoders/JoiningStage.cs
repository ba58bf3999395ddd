namespace Slipway.Tokenization.Decoders;

/// <summary>Puts a space between tokens, where a file names no decoder.</summary>
internal sealed class JoiningStage(DecoderStage next) : DecoderStage(next)
{
    private bool _first = true;

    public override void Append(string part)
    {
        Pass(_first ? part : " " + part);
        _first = false;
    }
}
