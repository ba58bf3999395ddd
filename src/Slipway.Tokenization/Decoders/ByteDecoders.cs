using System.Text;

namespace Slipway.Tokenization.Decoders;

/// <summary>Tokens are bytes; together they are UTF-8.</summary>
internal sealed class ByteLevelDecoder : TokenDecoder
{
    public override bool UsesBytes => true;

    public override DecoderStage Start() => new Stage();

    public override string DecodeInside(string token) => Encoding.UTF8.GetString(ByteAlphabet.Decode(token));

    private sealed class Stage : DecoderStage
    {
        private readonly Decoder _utf8 = Encoding.UTF8.GetDecoder();

        public override void Append(string part, List<string> output) =>
            Take(ByteAlphabet.Decode(part), flush: false, output);

        public override void Flush(List<string> output) => Take([], flush: true, output);

        private void Take(byte[] bytes, bool flush, List<string> output)
        {
            var characters = new char[_utf8.GetCharCount(bytes, flush)];
            var count = _utf8.GetChars(bytes, characters, flush);
            if (count > 0)
            {
                output.Add(new string(characters, 0, count));
            }
        }
    }
}

/// <summary>Joins runs of <c>&lt;0xXX&gt;</c> tokens; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
/// <remarks>Whether a run is UTF-8 is known at its end, so its text comes with the token after it.</remarks>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override DecoderStage Start() => new Stage();

    public override string DecodeInside(string token) =>
        ByteOf(token) is >= 0 and var value ? value < 0x80 ? ((char)value).ToString() : "\uFFFD" : token;

    private sealed class Stage : DecoderStage
    {
        private readonly List<byte> _run = [];

        public override void Append(string part, List<string> output)
        {
            var value = ByteOf(part);
            if (value >= 0)
            {
                _run.Add((byte)value);
                return;
            }

            Flush(output);
            output.Add(part);
        }

        public override void Flush(List<string> output)
        {
            if (_run.Count == 0)
            {
                return;
            }

            byte[] bytes = [.. _run];
            _run.Clear();
            try
            {
                output.Add(Strict.GetString(bytes));
            }
            catch (DecoderFallbackException)
            {
                output.Add(new string('\uFFFD', bytes.Length));
            }
        }
    }
}
