using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Safetensors;

public sealed class SafetensorsCheckpointTests
{
    public static TheoryData<string> TinyFolders => SharedAssets.Available
        ? [.. Directory.GetDirectories(SharedAssets.Path("tiny")).Select(folder => Path.GetFileName(folder)).Order()]
        : ["llama"];

    [Theory]
    [MemberData(nameof(TinyFolders))]
    public void Open_TinyFolder_ReadsEveryTensor(string name)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));

        Assert.Equal("safetensors", checkpoint.Format);
        Assert.NotNull(checkpoint.Config["model_type"]);
        foreach (var tensor in checkpoint.Tensors.Values)
        {
            var values = new float[tensor.Count];
            checkpoint.ReadFloats(tensor.Name, 0, values);
            Assert.DoesNotContain(values, value => !float.IsFinite(value));
        }
    }

    [Fact]
    public void ReadFloats_AnyRange_EqualsTheWhole()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        const string Name = "model.layers.0.mlp.down_proj.weight";
        var whole = new float[checkpoint.Tensors[Name].Count];
        checkpoint.ReadFloats(Name, 0, whole);
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            var start = random.Next(whole.Length + 1);
            var part = new float[random.Next(whole.Length - start + 1)];
            checkpoint.ReadFloats(Name, start, part);
            Assert.Equal(whole[start..(start + part.Length)], part);
        }
    }

    [Fact]
    public void ReadFloats_FromManyThreads_EqualsOneThread()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        const string Name = "model.embed_tokens.weight";
        var columns = (int)checkpoint.Tensors[Name].Shape[1];
        var whole = new float[checkpoint.Tensors[Name].Count];
        checkpoint.ReadFloats(Name, 0, whole);
        var rows = new float[whole.Length];

        Parallel.For(0, whole.Length / columns, row =>
            checkpoint.ReadFloats(Name, (long)row * columns, rows.AsSpan(row * columns, columns)));

        Assert.Equal(whole, rows);
    }

    [Theory]
    [InlineData(-1, 1)]
    [InlineData(0, 7)]
    [InlineData(6, 1)]
    [InlineData(long.MaxValue, 2)]
    public void ReadFloats_RangeLeavesTheTensor_SaysSo(long start, int count)
    {
        using var folder = new TemporaryFolder();
        SafetensorsWriter.Write(folder["t.safetensors"], [SafetensorsEntry.From("t", new float[6], 2, 3)]);
        using var checkpoint = Checkpoint.Open(folder["t.safetensors"]);

        var error = Assert.Throws<ArgumentOutOfRangeException>(
            () => checkpoint.ReadFloats("t", start, new float[count]));
        Assert.Contains($"has 6 elements; {count} from {start} on leave it.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReadFile_BesideTheWeights_ReturnsItOrNull()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2"));
        Assert.NotNull(checkpoint.ReadFile("1_Pooling/config.json"));
        Assert.Null(checkpoint.ReadFile("chat_template.jinja"));
        Assert.Throws<ArgumentException>(() => checkpoint.ReadFile("../README.md"));
        Assert.Throws<ArgumentException>(() => checkpoint.ReadFile("/etc/hostname"));
    }

    [Fact]
    public void Open_Sharded_EqualsOneFile()
    {
        using var folder = new TemporaryFolder();
        using var whole = Checkpoint.Open(SharedAssets.Path("tiny", "qwen2"));
        CheckpointFiles.Shard(whole, folder.Path, shards: 3);

        using var sharded = Checkpoint.Open(folder.Path);
        using var throughIndex = Checkpoint.Open(folder["model.safetensors.index.json"]);

        Assert.Equal("safetensors", sharded.Format);
        Assert.Equal(whole.Tensors.Keys.Order(), sharded.Tensors.Keys.Order());
        Assert.Equal(whole.Tensors.Keys.Order(), throughIndex.Tensors.Keys.Order());
        foreach (var tensor in whole.Tensors.Values)
        {
            Assert.Equal(CheckpointFiles.Bytes(whole, tensor.Name), CheckpointFiles.Bytes(sharded, tensor.Name));
        }
    }
}
