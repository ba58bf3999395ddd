namespace Slipway.Tokenization.Decoders;

/// <summary>Puts a space between tokens, where a file names no decoder.</summary>
internal sealed class JoiningStage : DecoderStage
{
    private bool _first = true;

    public override void Append(string part, List<string> output)
    {
        output.Add(_first ? part : " " + part);
        _first = false;
    }
}
