using System.Runtime.InteropServices;
using System.Runtime.Versioning;

namespace Slipway.Kernels.Memory;

/// <summary>Owns zeroed native memory; large pages of it take no room before they are touched.</summary>
/// <remarks>
/// Large buffers are mapped from the system one by one where that can be said (Linux): a heap keeps what is freed
/// between others, which after a few changes of a cache's size is as much again.
/// </remarks>
internal sealed unsafe partial class NativeBuffer : SafeHandle
{
    private const long MinMapped = 1 << 20;
    private static long _liveBytes;

    [SupportedOSPlatformGuard("linux")]
    private readonly bool _isMapped;

    /// <param name="bytes">Its size.</param>
    /// <param name="isSparse">True if much of it is never touched, which large pages would make resident.</param>
    public NativeBuffer(long bytes, bool isSparse = false)
        : base(nint.Zero, ownsHandle: true)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(bytes);
        Bytes = bytes;
        _isMapped = bytes >= MinMapped && OperatingSystem.IsLinux();
        SetHandle(_isMapped ? Map(checked((nuint)bytes)) : (nint)NativeMemory.AllocZeroed(checked((nuint)bytes)));
        Interlocked.Add(ref _liveBytes, bytes);
        HugePages.Advise(handle, bytes, isWanted: !isSparse);
    }

    /// <summary>Bytes of all buffers of the process that were not freed yet.</summary>
    public static long LiveBytes => Interlocked.Read(ref _liveBytes);

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
        Interlocked.Add(ref _liveBytes, -Bytes);
        if (_isMapped)
        {
            return Unmap(handle, (nuint)Bytes) == 0;
        }

        NativeMemory.Free((void*)handle);
        return true;
    }

    [SupportedOSPlatform("linux")]
    private static nint Map(nuint bytes)
    {
        const int readWrite = 1 | 2, privateAnonymous = 0x02 | 0x20;
        var address = Map(nint.Zero, bytes, readWrite, privateAnonymous, -1, 0);
        return address == -1
            ? throw new InsufficientMemoryException($"The system has no '{bytes}' bytes of memory.")
            : address;
    }

    [LibraryImport("libc", EntryPoint = "mmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial nint Map(nint address, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "munmap")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    [SupportedOSPlatform("linux")]
    private static partial int Unmap(nint address, nuint bytes);
}
