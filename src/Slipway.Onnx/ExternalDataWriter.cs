using System.Runtime.InteropServices;

namespace Slipway.Onnx;

/// <summary>
/// Writes the elements of constants into the file beside the graph file, one constant after the other.
/// </summary>
/// <remarks>
/// Each constant begins at a multiple of 64 bytes; those of a megabyte or more at a multiple of 4,096, so that they
/// can be mapped into memory. Not safe for concurrent use.
/// </remarks>
public sealed class ExternalDataWriter : IDisposable
{
    private const int Alignment = 64;
    private const int PageAlignment = 4096;
    private const int PageAlignedFrom = 1 << 20;
    private const int FileTooBig = 27;
    private readonly Stream _stream;
    private readonly string _file;
    private long _position;
    private long _start;

    /// <summary>Begins a file.</summary>
    /// <param name="stream">Where its content goes; disposed with this writer.</param>
    /// <param name="file">Its name, by which the graph file beside it finds it.</param>
    public ExternalDataWriter(Stream stream, string file)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentException.ThrowIfNullOrEmpty(file);
        _stream = stream;
        _file = file;
    }

    /// <summary>Begins the next constant.</summary>
    /// <param name="length">Its length in bytes, which decides where it may begin.</param>
    public void Begin(long length)
    {
        long alignment = length >= PageAlignedFrom ? PageAlignment : Alignment;
        var padding = (alignment - (_position % alignment)) % alignment;
        Span<byte> zeros = stackalloc byte[PageAlignment];
        zeros.Clear();
        Append(zeros[..(int)padding]);
        _start = _position;
    }

    /// <summary>Writes the next elements of the constant that was begun.</summary>
    /// <exception cref="IOException">The disk is full, or allows no file of that size.</exception>
    public void Write<T>(ReadOnlySpan<T> elements)
        where T : unmanaged => Append(MemoryMarshal.AsBytes(elements));

    /// <summary>Ends the constant.</summary>
    /// <returns>Where it stands.</returns>
    public TensorData.External End() => new(_file, _start, _position - _start);

    /// <summary>Writes what is still held in memory and closes the file.</summary>
    /// <exception cref="IOException">The disk is full, or allows no file of that size.</exception>
    public void Dispose()
    {
        try
        {
            _stream.Dispose();
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw TooBig(exception);
        }
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        try
        {
            _stream.Write(bytes);
            _position += bytes.Length;
        }
        catch (ArgumentOutOfRangeException exception)
        {
            throw TooBig(exception);
        }
    }

    // To .NET the system's EFBIG is an argument out of range; to a caller it is a matter of the disk.
    private IOException TooBig(Exception cause) =>
        new($"The file '{_file}' has reached the largest size that is allowed there.", cause) { HResult = FileTooBig };
}
