namespace Slipway.Checkpoints.Gguf;

// Opens a GGUF file, or the first of several that one model was split over.
internal sealed class GgufFormat : CheckpointFormat
{
    public override string Name => "gguf";

    public override IReadOnlyList<string> FolderFiles { get; } = [];

    public override bool Recognizes(ReadOnlySpan<byte> head) => head.StartsWith("GGUF"u8);

    public override bool Claims(string fileName) => fileName.EndsWith(".gguf", StringComparison.OrdinalIgnoreCase);

    public override Checkpoint Open(string file, string path)
    {
        var opened = GgufFile.Open(file);
        try
        {
            return new GgufCheckpoint(path, Name, opened);
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }
}
