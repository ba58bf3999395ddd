using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

public sealed class CheckpointParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("gptq-llama", Precision.Float32)]
    [InlineData("gptq-llama", Precision.Int4)]
    [InlineData("awq-qwen3", Precision.Float32)]
    [InlineData("awq-qwen3", Precision.Int4)]
    public void Export_QuantizedCheckpoint_EqualsItsDequantizedWeights(string name, Precision precision)
    {
        var source = SharedAssets.Path("quantized-checkpoints", name);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Check(
            name, Checkpoint.Open(source), DecoderParityTests.Ints(expected, "input_ids_24"),
            DecoderParityTests.Floats(expected, "logits_24"), precision);
    }

    [Theory]
    [InlineData("all-linear")]
    [InlineData("attention")]
    public void Export_MergedAdapter_EqualsTheAdaptedModel(string name)
    {
        var source = SharedAssets.Path("lora", "llama");
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        var merged = LoraAdapter.Open(Path.Combine(source, name))
            .MergeInto(Checkpoint.Open(SharedAssets.Path("tiny", "llama")));
        Check(
            name, merged, DecoderParityTests.Ints(expected, "input_ids"),
            DecoderParityTests.Floats(expected, $"logits.{name}"));
    }

    [Fact]
    public void Export_GroupsOutOfOrder_KeepsCodesAndEqualsTheirValues()
    {
        var source = SharedAssets.Path("quantized-checkpoints", "gptq-llama");
        using TemporaryFolder folder = new();
        Directory.CreateDirectory(folder["checkpoint"]);
        File.Copy(Path.Combine(source, "config.json"), Path.Combine(folder["checkpoint"], "config.json"));
        File.WriteAllBytes(
            Path.Combine(folder["checkpoint"], "model.safetensors"),
            GptqColumns.Shuffle(File.ReadAllBytes(Path.Combine(source, "model.safetensors"))));
        using (var checkpoint = Checkpoint.Open(folder["checkpoint"]))
        {
            Assert.All(checkpoint.Quantized.Values, weight => Assert.NotNull(weight.Groups));
            Exporter.Export(checkpoint, folder["fp32"]);
            var report = Exporter.Export(
                checkpoint, folder["int4"], new ExportOptions { Precision = Precision.Int4 });
            Assert.Equal("kept", report.Manifest.Quantization!.Method);
        }

        int[] ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];
        using DecoderRunner single = new(folder["fp32"]);
        using DecoderRunner kept = new(folder["int4"]);
        var max = DecoderParityTests.Difference(kept.Run(ids), single.Run(ids));
        output.WriteLine($"groups out of order: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    private void Check(
        string name, Checkpoint checkpoint, int[] ids, float[] reference, Precision precision = Precision.Float32)
    {
        using TemporaryFolder folder = new();
        using (checkpoint)
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = precision });
        }

        using DecoderRunner runner = new(folder["package"]);
        var max = DecoderParityTests.Difference(runner.Run(ids), reference);
        output.WriteLine($"{name} {precision}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }
}
