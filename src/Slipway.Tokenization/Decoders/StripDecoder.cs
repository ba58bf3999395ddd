using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

/// <summary>Drops up to so many of one character at the start and the end of each part, or of the whole text.</summary>
internal sealed class StripDecoder(char character, int start, int stop, bool ofText = false) : TokenDecoder
{
    private const int MaximumCount = 1_000_000;

    public static StripDecoder Parse(Section section)
    {
        string content = section.String("content");
        return content.Length == 1
            ? new StripDecoder(content[0], Count(section, "start"), Count(section, "stop"))
            : throw section["content"].Wrong("one character");
    }

    /// <summary>The same, of the whole text.</summary>
    public StripDecoder OfText() => new(character, start, stop, ofText: true);

    public override DecoderStage Start() => ofText ? new TextStage(character, start, stop) : new PartStage(this);

    public override string DecodeInside(string token) => ofText ? token : Strip(token);

    private static int Count(Section section, string key) =>
        section.Int(key) is >= 0 and <= MaximumCount and var count
            ? count : throw section[key].Wrong($"a number from 0 to {MaximumCount}");

    private string Strip(string token)
    {
        int from = 0, to = token.Length;
        while (from < to && from < start && token[from] == character)
        {
            from++;
        }

        for (int i = 0; i < stop && to > from && token[to - 1] == character; i++)
        {
            to--;
        }

        return token[from..to];
    }

    private sealed class PartStage(StripDecoder decoder) : DecoderStage
    {
        public override void Append(string part, List<string> output) => output.Add(decoder.Strip(part));
    }

    private sealed class TextStage(char character, int start, int stop) : DecoderStage
    {
        private int toStrip = start, held;

        public override void Append(string part, List<string> output)
        {
            int from = 0;
            while (toStrip > 0 && from < part.Length)
            {
                toStrip = part[from] == character ? toStrip - 1 : 0;
                from += part[from] == character ? 1 : 0;
            }

            // The last characters wait, as long as they may turn out to be the end.
            string text = new string(character, held) + part[from..];
            int last = text.Length;
            while (last > 0 && text.Length - last < stop && text[last - 1] == character)
            {
                last--;
            }

            held = text.Length - last;
            if (last > 0)
            {
                output.Add(text[..last]);
            }
        }
    }
}
