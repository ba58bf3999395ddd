using Slipway.Tokenization.Decoders;

namespace Slipway.Tokenization;

/// <summary>Turns token ids into text one at a time, without ever showing half a character.</summary>
/// <remarks>For one reader at a time. What all calls return, joined, is the text of all ids decoded at once.</remarks>
public sealed class TokenStreamDecoder
{
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly DecoderStage _stage;
    private readonly List<string> _output = [];

    internal TokenStreamDecoder(HuggingFaceTokenizer tokenizer, bool skipSpecialTokens, DecoderStage stage)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _stage = stage;
    }

    /// <summary>Takes the next id and returns the text that became certain with it, possibly none.</summary>
    /// <param name="id">The token; an id without one stands for nothing.</param>
    public string Append(int id)
    {
        if (_tokenizer.IdToToken(id) is not { } token || (_skipSpecialTokens && _tokenizer.IsSpecial(id)))
        {
            return string.Empty;
        }

        _stage.Append(token, _output);
        return Take();
    }

    /// <summary>Ends the text: returns what was held back, U+FFFD for bytes that never became a character.</summary>
    public string Flush()
    {
        _stage.Flush(_output);
        return Take();
    }

    private string Take()
    {
        var text = _output.Count == 1 ? _output[0] : string.Concat(_output);
        _output.Clear();
        return text;
    }
}
