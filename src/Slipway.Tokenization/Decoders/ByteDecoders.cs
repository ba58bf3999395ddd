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
    private const int MaxCharacterBytes = 4, StackBytes = 64;

    public override DecoderStage Start(DecoderStage next) => new Stage(next);

    public override string DecodeInside(string token) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(token));

    private sealed class Stage(DecoderStage next) : DecoderStage(next)
    {
        private readonly byte[] _held = new byte[MaxCharacterBytes];
        private int _heldCount;

        public override void Append(string part)
        {
            if (_heldCount == 0 && Ascii.IsValid(part))
            {
                Pass(part);
                return;
            }

            // The beginning of a character waits for its end.
            var count = _heldCount + part.Length;
            var bytes = count <= StackBytes ? stackalloc byte[StackBytes] : new byte[count];
            bytes = bytes[..count];
            _held.AsSpan(0, _heldCount).CopyTo(bytes);
            Encoding.Latin1.GetBytes(part, bytes[_heldCount..]);
            _heldCount = Rune.DecodeLastFromUtf8(bytes, out _, out var last) == OperationStatus.NeedMoreData ? last : 0;
            bytes[^_heldCount..].CopyTo(_held);
            if (count > _heldCount)
            {
                Pass(Encoding.UTF8.GetString(bytes[..^_heldCount]));
            }
        }

        protected override void Release()
        {
            if (_heldCount > 0)
            {
                Pass(Encoding.UTF8.GetString(_held, 0, _heldCount));
            }

            _heldCount = 0;
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
