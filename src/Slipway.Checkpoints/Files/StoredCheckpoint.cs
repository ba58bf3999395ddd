using System.Text.Json.Nodes;
using Microsoft.Win32.SafeHandles;

namespace Slipway.Checkpoints.Files;

// Where a tensor's bytes lie: one contiguous, checked range of a file.
internal readonly record struct StoredTensor(TensorInfo Info, CheckpointFile File, long Offset);

// A checkpoint whose tensors lie contiguously in files, with config.json and the rest beside them.
internal sealed class StoredCheckpoint : Checkpoint
{
    private readonly Dictionary<string, StoredTensor> _stored;
    private readonly IReadOnlyList<CheckpointFile> _files;
    private readonly string _folder;
    private readonly Lazy<JsonObject> _config;

    public StoredCheckpoint(
        string path, string format, IReadOnlyList<CheckpointFile> files, IEnumerable<StoredTensor> tensors)
        : base(path, format)
    {
        _files = files;
        _stored = tensors.ToDictionary(tensor => tensor.Info.Name, StringComparer.Ordinal);
        Tensors = _stored.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
        _folder = CheckpointFolder.Of(files[0].Path);
        _config = new Lazy<JsonObject>(ReadConfig);
    }

    public override JsonObject Config => _config.Value;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override byte[]? ReadFile(string name) => CheckpointFolder.ReadFile(_folder, name);

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        var source = _stored[tensor.Name];
        source.File.Read(source.Offset + start, destination, tensor.Name);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var file in _files)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private JsonObject ReadConfig()
    {
        var file = System.IO.Path.Combine(_folder, "config.json");
        var json = CheckpointFolder.ReadFile(_folder, "config.json") ?? throw new CheckpointException(
            $"The file '{file}' is missing. Put the model's Hugging Face 'config.json' beside its weights.", file);
        return JsonFile.Parse(json, file);
    }
}

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
