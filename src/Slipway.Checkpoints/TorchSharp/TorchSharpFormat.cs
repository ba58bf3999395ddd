using System.Buffers;
using System.Text;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.TorchSharp;

// Opens what TorchSharp's Module.save writes, without libtorch. The format has no signature, so it is recognized by
// its first entry.
internal sealed class TorchSharpFormat : CheckpointFormat
{
    public override string Name => "torchsharp";

    public override IReadOnlyList<string> FolderFiles { get; } = ["model.dat"];

    public override bool Recognizes(ReadOnlySpan<byte> head) =>
        TryLeb128(ref head, out var count) && count > 0 &&
        TryLeb128(ref head, out var nameLength) && nameLength > 0 && nameLength < head.Length &&
        IsName(head[..(int)nameLength]) && IsTensor(head[(int)nameLength..]);

    public override bool Claims(string fileName) => fileName.EndsWith(".dat", StringComparison.OrdinalIgnoreCase);

    public override Checkpoint Open(string file, string path)
    {
        var opened = CheckpointFile.Open(file);
        try
        {
            return new StoredCheckpoint(path, Name, [opened], TorchSharpReader.Read(opened));
        }
        catch
        {
            opened.Dispose();
            throw;
        }
    }

    private static bool IsTensor(ReadOnlySpan<byte> rest) =>
        TryLeb128(ref rest, out var type) && TorchSharpReader.Types.ContainsKey(type) &&
        TryLeb128(ref rest, out var dimensions) && dimensions <= TorchSharpReader.MaxDimensions;

    private static bool IsName(ReadOnlySpan<byte> name)
    {
        while (!name.IsEmpty)
        {
            if (Rune.DecodeFromUtf8(name, out var rune, out var length) != OperationStatus.Done ||
                Rune.IsControl(rune))
            {
                return false;
            }

            name = name[length..];
        }

        return true;
    }

    private static bool TryLeb128(ref ReadOnlySpan<byte> bytes, out long value)
    {
        value = 0;
        for (var i = 0; i < 9 && i < bytes.Length; i++)
        {
            value |= (long)(bytes[i] & 0x7F) << (7 * i);
            if (bytes[i] < 0x80)
            {
                bytes = bytes[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}
