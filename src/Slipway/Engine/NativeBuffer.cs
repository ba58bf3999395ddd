using System.Runtime.InteropServices;

namespace Slipway.Engine;

/// <summary>Owns zeroed native memory; large pages of it take no room before they are touched.</summary>
internal sealed unsafe class NativeBuffer : SafeHandle
{
    private static long liveBytes;

    public NativeBuffer(long bytes)
        : base(nint.Zero, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        Bytes = bytes;
        SetHandle((nint)NativeMemory.AllocZeroed(checked((nuint)bytes)));
        Interlocked.Add(ref liveBytes, bytes);
    }

    /// <summary>Bytes of all buffers of the process that were not freed yet.</summary>
    public static long LiveBytes => Interlocked.Read(ref liveBytes);

    public long Bytes { get; }

    public nint Address => handle;

    public override bool IsInvalid => handle == nint.Zero;

    public Span<T> AsSpan<T>(long offset, int count)
        where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((offset + count) * sizeof(T), Bytes, nameof(count));
        return new Span<T>((T*)handle + offset, count);
    }

    protected override bool ReleaseHandle()
    {
        NativeMemory.Free((void*)handle);
        Interlocked.Add(ref liveBytes, -Bytes);
        return true;
    }
}
