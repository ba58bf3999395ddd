using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf;

// GGUF, the one-file format of llama.cpp: metadata, tokenizer and quantized weights.
internal sealed class GgufFormat : CheckpointFormat
{
    public override string Name => "gguf";

    public override IReadOnlyList<string> FolderFiles { get; } = [];

    public override bool Recognizes(ReadOnlySpan<byte> head) => head.StartsWith("GGUF"u8);

    public override bool Claims(string fileName) => fileName.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    public override Checkpoint Open(string file, string path)
    {
        var opened = CheckpointFile.Open(file);
        try
        {
            return new GgufCheckpoint(path, Name, opened, GgufHeader.Read(opened));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
