using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Quantized;

namespace Slipway.Checkpoints.PyTorch;

// Opens PyTorch shards through their index.
internal sealed class PyTorchIndexFormat : CheckpointFormat
{
    private const string Suffix = ".bin.index.json";

    public override string Name => PyTorchFormat.FormatName;

    public override IReadOnlyList<string> FolderFiles { get; } = ["pytorch_model" + Suffix];

    public override bool Recognizes(ReadOnlySpan<byte> head) =>
        head.Length > 0 && head[0] == '{' && head.IndexOf("\"weight_map\""u8) > 0 && head.IndexOf(".bin\""u8) > 0;

    public override bool Claims(string fileName) => fileName.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase);

    public override Checkpoint Open(string file, string path)
    {
        var (files, tensors) = ShardIndex.Read(file).Open(PyTorchReader.Read);
        return QuantizedCheckpoint.Wrap(new StoredCheckpoint(path, Name, files, tensors));
    }
}
