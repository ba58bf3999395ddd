using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Safetensors;

public sealed class ShardIndexTests : IDisposable
{
    private const string Index = "model.safetensors.index.json";
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Open_IndexThatNamesWhatNoShardHolds_ReadsWhatTheShardsHold()
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("b", 2));
        WriteIndex(("a", "one.safetensors"), ("lm_head.weight", "one.safetensors"), ("mtp.fc", "two.safetensors"));
        using var checkpoint = Checkpoint.Open(_folder[Index]);
        Assert.Equal(["a", "b"], checkpoint.Tensors.Keys.Order());
        Assert.Equal([2f], CheckpointFiles.Floats(checkpoint, "b"));
    }

    [Fact]
    public void Open_IndexThatNamesAnotherShard_ReadsTheTensorWhereItLies()
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("b", 2));
        WriteIndex(("a", "two.safetensors"), ("b", "one.safetensors"));
        using var checkpoint = Checkpoint.Open(_folder[Index]);
        Assert.Equal([1f], CheckpointFiles.Floats(checkpoint, "a"));
        Assert.Equal([2f], CheckpointFiles.Floats(checkpoint, "b"));
    }

    [Theory]
    [InlineData("one.safetensors", 1)]
    [InlineData("two.safetensors", 2)]
    [InlineData("three.safetensors", 3)]
    public void Open_TensorInSeveralShards_IsTheOneThatTheIndexNames(string shard, float expected)
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("a", 2));
        Write("three.safetensors", ("a", 3));
        WriteIndex(("a", shard), ("x", "one.safetensors"), ("y", "two.safetensors"), ("z", "three.safetensors"));
        using var checkpoint = Checkpoint.Open(_folder[Index]);
        Assert.Equal([expected], CheckpointFiles.Floats(checkpoint, "a"));
    }

    [Fact]
    public void Open_TensorInSeveralShardsUnnamed_SaysHowToChoose()
    {
        Write("one.safetensors", ("a", 1));
        Write("two.safetensors", ("a", 2));
        WriteIndex(("x", "one.safetensors"), ("y", "two.safetensors"));
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(_folder[Index]));
        Assert.Equal(
            $"Tensor 'a' lies in 'one.safetensors' and in 'two.safetensors', and the index '{_folder[Index]}' does not "
            + "say which counts. Name the shard that counts in its 'weight_map', or take the shard that does not "
            + "belong to this checkpoint out of it.", error.Message);
    }

    [Fact]
    public void FindTensor_OtherPrefix_IsFoundWhereItIsTheOnlyOne()
    {
        Write("model.safetensors", ("layers.0.w", 1), ("language_model.model.norm.w", 2), ("model.x", 3),
            ("module.x", 4));
        using var checkpoint = Checkpoint.Open(_folder["model.safetensors"]);
        Assert.Equal("layers.0.w", checkpoint.FindTensor("model.layers.0.w")?.Name);
        Assert.Equal("language_model.model.norm.w", checkpoint.FindTensor("model.norm.w")?.Name);
        Assert.Equal("model.x", checkpoint.FindTensor("model.x")?.Name);
        Assert.Null(checkpoint.FindTensor("x"));
        Assert.Null(checkpoint.FindTensor("visual.layers.0.w"));
    }

    private void Write(string file, params (string Name, float Value)[] tensors) => SafetensorsWriter.Write(
        _folder[file], [.. tensors.Select(tensor => SafetensorsEntry.From(tensor.Name, [tensor.Value], 1))]);

    private void WriteIndex(params (string Tensor, string Shard)[] places) => File.WriteAllText(
        _folder[Index],
        new JsonObject
        {
            ["weight_map"] = new JsonObject(places.Select(
                place => KeyValuePair.Create(place.Tensor, (JsonNode?)place.Shard))),
        }.ToJsonString());
}
