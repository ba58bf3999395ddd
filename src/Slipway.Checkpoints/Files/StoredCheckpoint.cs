using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Files;

// Where a tensor's bytes lie: one contiguous, checked range of a file.
internal readonly record struct StoredTensor(TensorInfo Info, CheckpointFile File, long Offset);

// A checkpoint whose tensors lie contiguously in files, with config.json and the rest beside them.
internal sealed class StoredCheckpoint : Checkpoint
{
    private readonly Dictionary<string, StoredTensor> stored;
    private readonly IReadOnlyList<CheckpointFile> files;
    private readonly string folder;
    private readonly Lazy<JsonObject> config;

    public StoredCheckpoint(
        string path, string format, IReadOnlyList<CheckpointFile> files, IEnumerable<StoredTensor> tensors)
        : base(path, format)
    {
        this.files = files;
        stored = tensors.ToDictionary(tensor => tensor.Info.Name, StringComparer.Ordinal);
        Tensors = stored.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
        folder = CheckpointFolder.Of(files[0].Path);
        config = new Lazy<JsonObject>(ReadConfig);
    }

    public override JsonObject Config => config.Value;

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override byte[]? ReadFile(string name) => CheckpointFolder.ReadFile(folder, name);

    protected override void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination)
    {
        var source = stored[tensor.Name];
        source.File.Read(source.Offset + start, destination, tensor.Name);
    }

    protected override void Dispose(bool disposing)
    {
        foreach (var file in files)
        {
            file.Dispose();
        }

        base.Dispose(disposing);
    }

    private JsonObject ReadConfig()
    {
        var file = System.IO.Path.Combine(folder, "config.json");
        var json = CheckpointFolder.ReadFile(folder, "config.json") ?? throw new CheckpointException(
            $"The file '{file}' is missing. Put the model's Hugging Face 'config.json' beside its weights.", file);
        return JsonFile.Parse(json, file);
    }
}
