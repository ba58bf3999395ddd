using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.Cli.Terminal;

/// <summary>Writes to a file descriptor of Unix.</summary>
/// <remarks>
/// A console's stream says nothing of a broken pipe, and a <see cref="FileStream"/> leaves the offset that processes
/// share in a redirected file where it is. Sources: write(2), poll(2).
/// </remarks>
/// <param name="descriptor">The descriptor.</param>
/// <param name="name">What errors call it; null drops what cannot be written.</param>
[UnsupportedOSPlatform("windows")]
internal sealed unsafe partial class DescriptorStream(int descriptor, string? name) : Stream
{
    private const int Interrupted = 4, TryAgain = 11, TryAgainOnMac = 35;
    private const short PollOut = 4;

    public override bool CanRead => false;

    public override bool CanSeek => false;

    public override bool CanWrite => true;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Write(ReadOnlySpan<byte> buffer)
    {
        while (!buffer.IsEmpty)
        {
            nint written;
            fixed (byte* bytes = buffer)
            {
                written = Write(descriptor, bytes, (nuint)buffer.Length);
            }

            if (written >= 0)
            {
                buffer = buffer[(int)written..];
            }
            else if (Marshal.GetLastPInvokeError() is TryAgain or TryAgainOnMac)
            {
                var request = new PollRequest { Descriptor = descriptor, Events = PollOut };
                _ = Poll(&request, 1, -1);
            }
            else if (Marshal.GetLastPInvokeError() is not Interrupted)
            {
                if (name is null)
                {
                    return;
                }

                throw new IOException(
                    $"{name} cannot be written: {Marshal.GetPInvokeErrorMessage(Marshal.GetLastPInvokeError())}.");
            }
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial nint Write(int descriptor, byte* bytes, nuint count);

    [LibraryImport("libc", EntryPoint = "poll", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Poll(PollRequest* requests, nuint count, int milliseconds);

    private struct PollRequest
    {
        public int Descriptor;
        public short Events;
        public short Returned;
    }
}
