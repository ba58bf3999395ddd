using System.Buffers.Binary;
using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Quantized;

namespace Slipway.Checkpoints.Safetensors;

// Opens a single safetensors file. Source: the safetensors format, https://github.com/huggingface/safetensors.
internal sealed class SafetensorsFormat : CheckpointFormat
{
    internal const string FormatName = "safetensors";

    public override string Name => FormatName;

    public override IReadOnlyList<string> FolderFiles { get; } = ["model.safetensors"];

    public override bool Recognizes(ReadOnlySpan<byte> head) =>
        head.Length > 8 && head[8] == '{' &&
        BinaryPrimitives.ReadUInt64LittleEndian(head) <= SafetensorsHeader.MaxHeader;

    public override bool Claims(string fileName)
    {
        return fileName.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase);
    }

    public override Checkpoint Open(string file, string path)
    {
        var opened = CheckpointFile.Open(file);
        try
        {
            return QuantizedCheckpoint.Wrap(new StoredCheckpoint(path, Name, [opened], SafetensorsHeader.Read(opened)));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
