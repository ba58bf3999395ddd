using Slipway.Tokenization.Decoders;

namespace Slipway.Tokenization;

/// <summary>Turns token ids into text one at a time, without ever showing half a character.</summary>
/// <remarks>For one reader at a time. What all calls return, joined, is the text of all ids decoded at once.</remarks>
public sealed class TokenStreamDecoder
{
    private readonly HuggingFaceTokenizer _tokenizer;
    private readonly bool _skipSpecialTokens;
    private readonly TextStage _text = new();
    private readonly DecoderStage _stage;

    internal TokenStreamDecoder(HuggingFaceTokenizer tokenizer, bool skipSpecialTokens)
    {
        _tokenizer = tokenizer;
        _skipSpecialTokens = skipSpecialTokens;
        _stage = tokenizer.StartDecoding(_text);
    }

    /// <summary>Takes the next id and returns the text that became certain with it, possibly none.</summary>
    /// <param name="id">The token; an id without one stands for nothing.</param>
    public string Append(int id)
    {
        Take(id);
        _stage.Settle();
        return _text.Take();
    }

    /// <summary>Ends the text: returns what was held back, U+FFFD for bytes that never became a character.</summary>
    public string Flush()
    {
        _stage.Flush();
        return _text.Take();
    }

    /// <summary>Takes the next id; its text comes with the next call that returns some.</summary>
    internal void Take(int id)
    {
        if (_tokenizer.DecodedPart(id) is { } part && !(_skipSpecialTokens && _tokenizer.IsSpecial(id)))
        {
            _stage.Append(part);
        }
    }
}
