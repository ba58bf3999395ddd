using System.Text;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.TorchSharp;

public sealed class TorchSharpCheckpointTests
{
    [Theory]
    [InlineData("llama-f32", TensorType.F32)]
    [InlineData("qwen2-bf16", TensorType.BF16)]
    public void Open_SavedByTorchSharp_ListsItsTensors(string name, TensorType type)
    {
        var folder = SharedAssets.Path("torchsharp", name);
        using var checkpoint = Checkpoint.Open(folder);
        using var fromFile = Checkpoint.Open(Path.Combine(folder, "model.dat"));

        var expected = File.ReadAllLines(Path.Combine(folder, "tensors.txt"));
        Assert.Equal("torchsharp", checkpoint.Format);
        Assert.Equal(
            expected, checkpoint.Tensors.Values.Select(t => $"{t.Name} [{string.Join(',', t.Shape)}]"));
        Assert.All(checkpoint.Tensors.Values, tensor => Assert.Equal(type, tensor.Type));
        Assert.Equal(checkpoint.Tensors.Keys, fromFile.Tensors.Keys);
        Assert.Equal("silu", (string?)checkpoint.Config["hidden_act"]);
        Assert.All(CheckpointFiles.Floats(checkpoint, "model.norm.weight"), value => Assert.InRange(value, 0.3f, 3f));
        Assert.All(
            CheckpointFiles.Floats(checkpoint, "model.embed_tokens.weight"), value => Assert.InRange(value, -3f, 3f));
    }

    [Fact]
    public void ReadBytes_SecondTensor_StartsBehindTheFirst()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.dat"], TorchSharpBytes.Of(
            ("a", 6, [2, 2], BitConverter.GetBytes(1.5f).Concat(new byte[12]).ToArray()),
            ("b.é", 4, [], BitConverter.GetBytes(-7L)),
            ("mask", 11, [3], [1, 0, 2])));
        using var checkpoint = Checkpoint.Open(folder["model.dat"]);

        Assert.Equal([1.5f, 0, 0, 0], CheckpointFiles.Floats(checkpoint, "a"));
        Assert.Equal([-7f], CheckpointFiles.Floats(checkpoint, "b.é"));
        Assert.Equal([1f, 0f, 1f], CheckpointFiles.Floats(checkpoint, "mask"));
    }
}

// Writes the format that TorchSharp's Module.save writes.
internal static class TorchSharpBytes
{
    public static byte[] Of(params (string Name, int Type, long[] Shape, byte[] Data)[] entries)
    {
        var stream = new MemoryStream();
        Leb128(stream, entries.Length);
        foreach (var (name, type, shape, data) in entries)
        {
            var bytes = Encoding.UTF8.GetBytes(name);
            Leb128(stream, bytes.Length);
            stream.Write(bytes);
            Leb128(stream, type);
            Leb128(stream, shape.Length);
            foreach (var size in shape)
            {
                Leb128(stream, size);
            }

            stream.Write(data);
        }

        return stream.ToArray();
    }

    public static void Leb128(MemoryStream stream, long value)
    {
        for (; value >= 0x80; value >>= 7)
        {
            stream.WriteByte((byte)(value | 0x80));
        }

        stream.WriteByte((byte)value);
    }
}
