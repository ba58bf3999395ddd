using System.Buffers;
using System.Text;

namespace Slipway.Tokenization.Decoders;

/// <summary>Turns tokens of the byte alphabet into their bytes, each a character below U+0100.</summary>
internal sealed class ByteAlphabetDecoder : PlainDecoder
{
    public override bool UsesBytes => true;

    public override string DecodeInside(string token) => Encoding.Latin1.GetString(ByteAlphabet.Decode(token));
}

/// <summary>Takes bytes, each a character below U+0100, which together are UTF-8.</summary>
internal sealed class Utf8Decoder : TokenDecoder
{
    private const int MinBytes = 64, MaxBytes = 1 << 14;

    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    public override string DecodeInside(string token) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(token));

    // In front of the text, bytes are gathered over many tokens: to make a text of each costs more than all else. Other
    // decoders get a part for each token, whenever they are asked.
    private sealed class Stage(DecoderStage next) : DecoderStage(next)
    {
        private readonly bool _gathers = next is TextStage;
        private byte[] _bytes = new byte[MinBytes];
        private int _count;

        public override void Append(string part)
        {
            if (_bytes.Length - _count < part.Length)
            {
                Array.Resize(ref _bytes, Math.Max(2 * _bytes.Length, _count + part.Length));
            }

            var bytes = _bytes.AsSpan(_count, part.Length);
            for (var i = 0; i < bytes.Length; i++)
            {
                bytes[i] = (byte)part[i];
            }

            _count += bytes.Length;
            if (!_gathers || _count > MaxBytes)
            {
                PassCertain();
            }
        }

        public override void Settle()
        {
            PassCertain();
            base.Settle();
        }

        protected override void Release()
        {
            PassCertain();
            PassFirst(_count);
        }

        // The beginning of a character waits for its end.
        private void PassCertain()
        {
            var bytes = _bytes.AsSpan(0, _count);
            PassFirst(Rune.DecodeLastFromUtf8(bytes, out _, out var last) == OperationStatus.NeedMoreData
                ? _count - last : _count);
        }

        private void PassFirst(int count)
        {
            if (count == 0)
            {
                return;
            }

            Pass(Encoding.UTF8.GetString(_bytes, 0, count));
            _bytes.AsSpan(count, _count - count).CopyTo(_bytes);
            _count -= count;
        }
    }
}

/// <summary>Joins runs of <c>&lt;0xXX&gt;</c> tokens; a run that is not UTF-8 becomes one U+FFFD a byte.</summary>
/// <remarks>Whether a run is UTF-8 is known at its end, so its text comes with the token after it.</remarks>
internal sealed class ByteFallbackDecoder : TokenDecoder
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    public override string DecodeInside(string token) =>
        ByteOf(token) is >= 0 and var value ? value < 0x80 ? ((char)value).ToString() : "\uFFFD" : token;

    private sealed class Stage(DecoderStage next) : DecoderStage(next)
    {
        private readonly List<byte> _run = [];

        public override void Append(string part)
        {
            var value = ByteOf(part);
            if (value >= 0)
            {
                _run.Add((byte)value);
                return;
            }

            Release();
            Pass(part);
        }

        protected override void Release()
        {
            if (_run.Count == 0)
            {
                return;
            }

            byte[] bytes = [.. _run];
            _run.Clear();
            try
            {
                Pass(Strict.GetString(bytes));
            }
            catch (DecoderFallbackException)
            {
                Pass(new string('\uFFFD', bytes.Length));
            }
        }
    }
}
