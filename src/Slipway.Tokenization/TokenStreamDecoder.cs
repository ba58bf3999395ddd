using System.Text;

namespace Slipway.Tokenization;

/// <summary>Turns token ids into text one at a time, without ever showing half a character.</summary>
/// <remarks>For one reader at a time. What all calls return, joined, is the text of all ids decoded at once.</remarks>
public sealed class TokenStreamDecoder
{
    private readonly HuggingFaceTokenizer tokenizer;
    private readonly bool skipSpecialTokens;
    private readonly Decoder utf8 = Encoding.UTF8.GetDecoder();
    private readonly char strippedCharacter;
    private int toStrip;

    internal TokenStreamDecoder(
        HuggingFaceTokenizer tokenizer, bool skipSpecialTokens, (char Character, int Count) startStrip)
    {
        this.tokenizer = tokenizer;
        this.skipSpecialTokens = skipSpecialTokens;
        (strippedCharacter, toStrip) = startStrip;
    }

    /// <summary>Takes the next id and returns the text that became certain with it, possibly none.</summary>
    /// <param name="id">The token.</param>
    public string Append(int id) =>
        skipSpecialTokens && tokenizer.IsSpecial(id) ? string.Empty : Decode(tokenizer.TokenBytes(id).Span, flush: false);

    /// <summary>Ends the text: returns U+FFFD for bytes that never became a character, else nothing.</summary>
    public string Flush() => Decode(default, flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        int count = utf8.GetCharCount(bytes, flush);
        if (count == 0 && !flush)
        {
            // The bytes must still enter the decoder's state.
            utf8.GetChars(bytes, default, flush);
            return string.Empty;
        }

        char[] characters = new char[count];
        int written = utf8.GetChars(bytes, characters, flush);
        int start = 0;
        while (toStrip > 0 && start < written)
        {
            if (characters[start] != strippedCharacter)
            {
                toStrip = 0;
                break;
            }

            start++;
            toStrip--;
        }

        return new string(characters, start, written - start);
    }
}
