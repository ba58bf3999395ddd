namespace Slipway.Tokenization.Decoders;

/// <summary>What happens where a file names no decoder: a space between tokens.</summary>
internal sealed class JoiningStage : DecoderStage
{
    private bool _first = true;

    public override void Append(string part, List<string> output)
    {
        output.Add(_first ? part : " " + part);
        _first = false;
    }
}
