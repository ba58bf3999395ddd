using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

public sealed class CheckpointParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("gptq-llama")]
    [InlineData("awq-qwen3")]
    public void Export_QuantizedCheckpoint_EqualsItsDequantizedWeights(string name)
    {
        string source = SharedAssets.Path("quantized-checkpoints", name);
        using Checkpoint expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Check(
            name, Checkpoint.Open(source), DecoderParityTests.Ints(expected, "input_ids_24"),
            DecoderParityTests.Floats(expected, "logits_24"));
    }

    [Theory]
    [InlineData("all-linear")]
    [InlineData("attention")]
    public void Export_MergedAdapter_EqualsTheAdaptedModel(string name)
    {
        string source = SharedAssets.Path("lora", "llama");
        using Checkpoint expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Checkpoint merged = LoraAdapter.Open(Path.Combine(source, name))
            .MergeInto(Checkpoint.Open(SharedAssets.Path("tiny", "llama")));
        Check(
            name, merged, DecoderParityTests.Ints(expected, "input_ids"),
            DecoderParityTests.Floats(expected, $"logits.{name}"));
    }

    private void Check(string name, Checkpoint checkpoint, int[] ids, float[] reference)
    {
        using TemporaryFolder folder = new();
        using (checkpoint)
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using DecoderRunner runner = new(folder["package"]);
        float largest = DecoderParityTests.Difference(runner.Run(ids), reference);
        output.WriteLine($"{name}: largest difference {largest:0.0e+0}");
        Assert.InRange(largest, 0, 1e-4f);
    }
}
