using System.Buffers.Binary;
using System.Text;

namespace Slipway.Checkpoints.Files;

// Walks forward through a binary header in windows, checking every length against the file before it is used.
internal sealed class ByteCursor(CheckpointFile file, string kind)
{
    private const int WindowBytes = 1 << 16;
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, true);

    private readonly byte[] _window = new byte[WindowBytes];
    private long _windowStart;
    private int _windowLength;

    public CheckpointFile File { get; } = file;

    public long Position { get; private set; }

    public long Remaining => File.Length - Position;

    // What is being read, for messages.
    public string? Tensor { get; set; }

    public byte ReadByte(string what) => Take(1, what)[0];

    public ushort ReadUInt16(string what) => BinaryPrimitives.ReadUInt16LittleEndian(Take(sizeof(ushort), what));

    public uint ReadUInt32(string what) => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), what));

    public ulong ReadUInt64(string what) => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), what));

    public long ReadLeb128(string what)
    {
        long value = 0;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = ReadByte(what);
            value |= (long)(next & 0x7F) << shift;
            if (next < 0x80)
            {
                return value;
            }
        }

        throw Bad($"has {what} at byte {Position} that does not fit 63 bits");
    }

    // The bytes are valid until the next call.
    public ReadOnlySpan<byte> Take(int count, string what)
    {
        if (count > Remaining)
        {
            throw Bad($"ends at byte {File.Length}, inside {what}");
        }

        if (count > WindowBytes)
        {
            var large = new byte[count];
            File.Read(Position, large, Tensor);
            Position += count;
            return large;
        }

        if (Position < _windowStart || Position + count > _windowStart + _windowLength)
        {
            _windowStart = Position;
            _windowLength = (int)Math.Min(WindowBytes, Remaining);
            File.Read(_windowStart, _window.AsSpan(0, _windowLength), Tensor);
        }

        var taken = _window.AsSpan((int)(Position - _windowStart), count);
        Position += count;
        return taken;
    }

    public string ReadUtf8(int count, string what)
    {
        try
        {
            return StrictUtf8.GetString(Take(count, what));
        }
        catch (DecoderFallbackException error)
        {
            throw Bad($"has {what} that is not valid UTF-8", error);
        }
    }

    public void Skip(long count, string what)
    {
        if (count < 0 || count > Remaining)
        {
            throw Bad($"ends at byte {File.Length}, inside {what}: {count} bytes from {Position} on");
        }

        Position += count;
    }

    // What is damaged was whole elsewhere; what is no damage has a remedy of its own.
    public CheckpointException Bad(string problem, Exception? inner = null, string? remedy = null) => new(
        $"The {kind} file '{File.Path}' {problem}. {remedy ?? "Copy or download it again."}", File.Path, Tensor, inner);
}
