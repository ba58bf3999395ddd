using Microsoft.Win32.SafeHandles;

namespace Slipway.Packaging;

/// <summary>Tells whether a file was written meanwhile: its length, and when it was written last.</summary>
internal readonly record struct FileStamp(long Length, DateTime LastWriteUtc)
{
    /// <summary>The stamp of the file that is open, whatever its name leads to by now.</summary>
    public static FileStamp Of(SafeFileHandle file)
        => new(RandomAccess.GetLength(file), File.GetLastWriteTimeUtc(file));
}
