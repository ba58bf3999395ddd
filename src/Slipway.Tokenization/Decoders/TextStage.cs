using System.Text;

namespace Slipway.Tokenization.Decoders;

/// <summary>Gathers the text that the last decoder hands on.</summary>
internal sealed class TextStage() : DecoderStage(null)
{
    private readonly StringBuilder _text = new();

    public override void Append(string part) => _text.Append(part);

    /// <summary>The text since the last call.</summary>
    public string Take()
    {
        if (_text.Length == 0)
        {
            return string.Empty;
        }

        var text = _text.ToString();
        _text.Clear();
        return text;
    }
}
