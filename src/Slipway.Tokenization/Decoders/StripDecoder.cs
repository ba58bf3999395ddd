using Slipway.Tokenization.Files;

namespace Slipway.Tokenization.Decoders;

/// <summary>Drops up to so many of one character at the start and the end of each part, or of the whole text.</summary>
internal sealed class StripDecoder(char character, int start, int stop, bool ofText = false) : TokenDecoder
{
    private const int MaximumCount = 1_000_000;

    public static StripDecoder Parse(Section section)
    {
        var content = section.String("content");
        return content.Length == 1
            ? new StripDecoder(content[0], Count(section, "start"), Count(section, "stop"))
            : throw section["content"].Wrong("one character");
    }

    /// <summary>The same, of the whole text.</summary>
    public StripDecoder OfText() => new(character, start, stop, ofText: true);

    public override DecoderStage Start(DecoderStage next) =>
        ofText ? new WholeStage(character, start, stop, next) : new PartStage(this, next);

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

        for (var i = 0; i < stop && to > from && token[to - 1] == character; i++)
        {
            to--;
        }

        return token[from..to];
    }

    private sealed class PartStage(StripDecoder decoder, DecoderStage next) : DecoderStage(next)
    {
        public override void Append(string part) => Pass(decoder.Strip(part));
    }

    private sealed class WholeStage(char character, int start, int stop, DecoderStage next) : DecoderStage(next)
    {
        private int _toStrip = start, _held;

        public override void Append(string part)
        {
            if (_toStrip == 0 && stop == 0)
            {
                Pass(part);
                return;
            }

            var from = 0;
            while (_toStrip > 0 && from < part.Length)
            {
                _toStrip = part[from] == character ? _toStrip - 1 : 0;
                from += part[from] == character ? 1 : 0;
            }

            // The last characters wait, as long as they may turn out to be the end.
            var text = new string(character, _held) + part[from..];
            var last = text.Length;
            while (last > 0 && text.Length - last < stop && text[last - 1] == character)
            {
                last--;
            }

            _held = text.Length - last;
            if (last > 0)
            {
                Pass(text[..last]);
            }
        }
    }
}
