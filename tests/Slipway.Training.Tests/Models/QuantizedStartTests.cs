using Slipway.Checkpoints;
using Slipway.Testing;
using Slipway.Training.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Models;

public sealed class QuantizedStartTests
{
    [Theory]
    [InlineData("ct-w4a16")]
    [InlineData("bnb-nf4-double")]
    [InlineData("fp8-block-qwen3")]
    public void Load_WeightsThatALibraryQuantized_TakesTheirValues(string name)
    {
        using var start = Checkpoint.Open(SharedAssets.Path("quantized-checkpoints", name));
        using var expected = Checkpoint.Open(
            SharedAssets.Path("quantized-checkpoints", name, "expected.safetensors"));
        using var model = new CausalLanguageModel(ModelConfig.Parse(start.Config, start.Path));
        CheckpointWeights.Load(model, start);

        var (ids, logits) = (new float[24], new float[24 * 256]);
        expected.ReadFloats("input_ids_24", 0, ids);
        expected.ReadFloats("logits_24", 0, logits);
        using var untracked = no_grad();
        using var scope = NewDisposeScope();
        using var layout = SequenceLayout.Uniform(1, 24);
        long[] targets = [.. ids.Skip(1).Select(id => (long)id)];
        var places = arange(23);
        var loss = model.SummedLoss(tensor(ids).to(ScalarType.Int64), layout, places, tensor(targets));

        var reference = nn.functional.cross_entropy(
            tensor(logits).view(24, 256)[..23], tensor(targets), reduction: nn.Reduction.Sum);
        Assert.Equal(reference.item<float>(), loss.item<float>(), 1e-2f);
    }

    [Fact]
    public void Load_CodesOfAnUnknownMethod_AreRefused()
    {
        using TemporaryFolder folder = new();
        using var linear = nn.Linear(3, 2, hasBias: false);
        SafetensorsWriter.Write(
            folder["model.safetensors"],
            [new SafetensorsEntry(new TensorInfo("weight", TensorType.I8, [2, 3]), (_, bytes) => bytes.Fill(1))]);
        File.WriteAllText(folder["config.json"], """{"quantization_config": {"quant_method": "eetq"}}""");
        using var checkpoint = Checkpoint.Open(folder.Path);

        var error = Assert.Throws<CheckpointException>(() => CheckpointWeights.Load(linear, checkpoint));

        Assert.Equal("weight", error.Tensor);
        Assert.Equal(
            $"Tensor 'weight' of '{folder.Path}' is stored as 'I8', codes of a quantization that cannot be read. Train "
            + "from the checkpoint that it was quantized from.", error.Message);
    }
}
