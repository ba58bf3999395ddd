using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Quantized;

namespace Slipway.Checkpoints.Safetensors;

// Opens safetensors shards through their index.
internal sealed class SafetensorsIndexFormat : CheckpointFormat
{
    private const string Suffix = ".safetensors.index.json";

    public override string Name => SafetensorsFormat.FormatName;

    public override IReadOnlyList<string> FolderFiles { get; } = ["model" + Suffix];

    public override bool Recognizes(ReadOnlySpan<byte> head) =>
        head.Length > 0 && head[0] == '{' && head.IndexOf("\"weight_map\""u8) > 0 &&
        head.IndexOf(".safetensors\""u8) > 0;

    public override bool Claims(string fileName)
    {
        return fileName.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase);
    }

    public override Checkpoint Open(string file, string path)
    {
        var (files, tensors) = ShardIndex.Read(file).Open(SafetensorsHeader.Read);
        return QuantizedCheckpoint.Wrap(new StoredCheckpoint(path, Name, files, tensors));
    }
}
