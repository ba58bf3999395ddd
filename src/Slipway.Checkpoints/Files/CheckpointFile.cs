using Microsoft.Win32.SafeHandles;

namespace Slipway.Checkpoints.Files;

// A file read by position into the caller's buffers. It is not memory-mapped, since touched pages of a mapping count
// into the process's peak memory. Reads are thread-safe.
internal sealed class CheckpointFile : IDisposable
{
    private readonly SafeFileHandle _handle;

    private CheckpointFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        Length = RandomAccess.GetLength(handle);
    }

    public string Path { get; }

    public long Length { get; }

    // True for a link to nothing too, which is an error and not an absent file.
    public static bool IsThere(string path) => File.Exists(path) || new FileInfo(path).LinkTarget is not null;

    public static CheckpointFile Open(string path)
    {
        if (!IsThere(path))
        {
            throw new FileNotFoundException($"The file '{path}' does not exist. Check the path.", path);
        }

        SafeFileHandle handle;
        try
        {
            handle = File.OpenHandle(path, options: FileOptions.RandomAccess);
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CheckpointException(
                $"The file '{path}' is a link to '{new FileInfo(path).LinkTarget}', which is no file. Copy the folder "
                + "with what its links lead to ('cp -rL'), or complete the download that made them.", path,
                innerException: error);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new CheckpointException(
                $"The file '{path}' cannot be opened: {error.Message} Check that it is a file that this user may read.",
                path, innerException: error);
        }

        try
        {
            return new CheckpointFile(path, handle);
        }
        catch (Exception error) when (error is IOException or NotSupportedException or UnauthorizedAccessException)
        {
            handle.Dispose();
            throw new CheckpointException(
                $"The file '{path}' cannot be read by position: {error.Message} Copy it to an ordinary file.",
                path, innerException: error);
        }
    }

    // Fills the whole destination; the caller has checked the range against the length at opening.
    public void Read(long offset, Span<byte> destination, string? tensor = null)
    {
        while (destination.Length > 0)
        {
            var read = RandomAccess.Read(_handle, destination, offset);
            if (read == 0)
            {
                throw new CheckpointException(
                    $"The file '{Path}' ends at byte {offset}, {destination.Length} bytes before the end of what is " +
                    "read. It was cut while it was open: let what writes it finish, then start again.", Path, tensor);
            }

            offset += read;
            destination = destination[read..];
        }
    }

    // The first bytes, fewer where the file is shorter.
    public byte[] ReadHead(int count)
    {
        var head = new byte[(int)Math.Min(count, Length)];
        Read(0, head);
        return head;
    }

    public void Dispose() => _handle.Dispose();
}
