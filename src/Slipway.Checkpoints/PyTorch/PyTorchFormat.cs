using Slipway.Checkpoints.Files;
using Slipway.Checkpoints.Quantized;

namespace Slipway.Checkpoints.PyTorch;

// Opens what torch.save writes: an uncompressed zip of a pickle and the tensors' bytes. The pickle is never executed.
internal sealed class PyTorchFormat : CheckpointFormat
{
    internal const string FormatName = "pytorch";
    private static readonly string[] Extensions = [".bin", ".pt", ".pth"];

    public override string Name => FormatName;

    public override IReadOnlyList<string> FolderFiles { get; } = ["pytorch_model.bin"];

    public override bool Recognizes(ReadOnlySpan<byte> head) => head.StartsWith("PK\x03\x04"u8);

    public override bool Claims(string fileName) =>
        Extensions.Any(extension => fileName.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    public override Checkpoint Open(string file, string path)
    {
        var opened = CheckpointFile.Open(file);
        try
        {
            return QuantizedCheckpoint.Wrap(new StoredCheckpoint(path, Name, [opened], PyTorchReader.Read(opened)));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
