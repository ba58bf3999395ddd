using Slipway.Tokenization.Decoders;

namespace Slipway.Tokenization;

/// <summary>Turns token ids into text one at a time, without ever showing half a character.</summary>
/// <remarks>For one reader at a time. What all calls return, joined, is the text of all ids decoded at once.</remarks>
public sealed class TokenStreamDecoder
{
    private readonly HuggingFaceTokenizer tokenizer;
    private readonly bool skipSpecialTokens;
    private readonly DecoderStage stage;
    private readonly List<string> output = [];

    internal TokenStreamDecoder(HuggingFaceTokenizer tokenizer, bool skipSpecialTokens, DecoderStage stage)
    {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
        this.stage = stage;
    }

    /// <summary>Takes the next id and returns the text that became certain with it, possibly none.</summary>
    /// <param name="id">The token; an id without one stands for nothing.</param>
    public string Append(int id)
    {
        if (tokenizer.IdToToken(id) is not { } token || (skipSpecialTokens && tokenizer.IsSpecial(id)))
        {
            return string.Empty;
        }

        stage.Append(token, output);
        return Take();
    }

    /// <summary>Ends the text: returns what was held back, U+FFFD for bytes that never became a character.</summary>
    public string Flush()
    {
        stage.Flush(output);
        return Take();
    }

    private string Take()
    {
        string text = output.Count == 1 ? output[0] : string.Concat(output);
        output.Clear();
        return text;
    }
}
