using System.Text.Json.Nodes;

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
