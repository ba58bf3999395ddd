using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

public sealed class CheckpointParityTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("gptq-llama", Precision.Float32)]
    [InlineData("gptq-llama", Precision.Int4)]
    [InlineData("gptq-actorder-qwen3", Precision.Float32)]
    [InlineData("gptq-actorder-qwen3", Precision.Int4)]
    [InlineData("gptq-int8-llama", Precision.Float32)]
    [InlineData("gptq-int8-llama", Precision.Int8)]
    [InlineData("awq-qwen3", Precision.Float32)]
    [InlineData("awq-qwen3", Precision.Int4)]
    [InlineData("awq-qwen3", Precision.Int8)]
    [InlineData("bnb-nf4-double", Precision.Float32)]
    [InlineData("ct-fp8-dynamic", Precision.Float32)]
    [InlineData("ct-nvfp4", Precision.Float32)]
    [InlineData("ct-nvfp4", Precision.Int8)]
    [InlineData("ct-w4a16", Precision.Float32)]
    [InlineData("ct-w4a16", Precision.Int4)]
    [InlineData("ct-w8a8", Precision.Float32)]
    [InlineData("ct-w8a8", Precision.Int8)]
    [InlineData("fp8-block-qwen3", Precision.Float32)]
    [InlineData("modelopt-nvfp4-qwen3", Precision.Float32)]
    [InlineData("modelopt-nvfp4-qwen3", Precision.Int8)]
    public void Export_QuantizedCheckpoint_EqualsItsDequantizedWeights(string name, Precision precision)
    {
        var source = SharedAssets.Path("quantized-checkpoints", name);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        Check(
            name, Checkpoint.Open(source), DecoderParityTests.Ints(expected, "input_ids_24"),
            DecoderParityTests.Floats(expected, "logits_24"), precision);
    }

    [Theory]
    [InlineData("quanto", "'quanto'")]
    [InlineData("quark", "'quark' in the format 'fp8'", "fp8")]
    public void Export_QuantizedCheckpointOfAnotherMethod_NamesItAndTheRemedy(
        string method, string named, string? format = null)
    {
        using TemporaryFolder folder = new();
        var source = WithSettings(folder, "ct-w8a8", new JsonObject { ["quant_method"] = method, ["format"] = format });
        using var checkpoint = Checkpoint.Open(source);
        var error = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, folder["package"]));
        Assert.Equal(
            $"The weights of '{source}' are quantized by the method {named}, which cannot be read; expected "
            + "'gptq', 'awq', 'auto-round', 'intel/auto-round', 'compressed-tensors', 'fp8', 'fbgemm_fp8', 'modelopt', "
            + "'modelopt_fp4', 'bitsandbytes', 'mxfp4' or none. Export the checkpoint that they were quantized from, "
            + "with --precision int4 or int8.", error.Message);
        Assert.False(Directory.Exists(folder["package"]));
    }

    [Theory]
    [InlineData("fp8-block-qwen3")]
    [InlineData("ct-fp8-dynamic")]
    [InlineData("ct-w8a8")]
    public void Export_QuantizedCheckpointThatDoesNotSaySo_IsRefused(string name)
    {
        using TemporaryFolder folder = new();
        using var checkpoint = Checkpoint.Open(WithSettings(folder, name, settings: null));
        var error = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, folder["package"]));
        Assert.Contains("codes of a quantization that cannot be read", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Export_AdaptersBesideABaseWithoutPrefix_EqualMergedOnes()
    {
        string source = SharedAssets.Path("tiny", "llama"), lora = SharedAssets.Path("lora", "llama", "all-linear");
        using TemporaryFolder folder = new();
        EditedCheckpoint.Read(source).Rename(key => key.Replace("model.", "", StringComparison.Ordinal))
            .Write(folder["flat"]);
        using (var checkpoint = Checkpoint.Open(folder["flat"]))
        using (var adapter = LoraAdapter.Open(lora))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions
            {
                Adapters = new Dictionary<string, LoraAdapter> { ["own"] = adapter },
            });
        }

        using var expected = Checkpoint.Open(SharedAssets.Path("lora", "llama", "expected.safetensors"));
        Check(
            "flat", LoraAdapter.Open(lora).MergeInto(Checkpoint.Open(folder["flat"])),
            DecoderParityTests.Ints(expected, "input_ids"), DecoderParityTests.Floats(expected, "logits.all-linear"));
        using var model = LanguageModel.Load(folder["package"]);
        var beside = await model.ForwardAsync(
            DecoderParityTests.Ints(expected, "input_ids"), "own", TestContext.Current.CancellationToken);
        Assert.InRange(
            DecoderParityTests.Difference(
                beside.Memory.ToArray(), DecoderParityTests.Floats(expected, "logits.all-linear")), 0, 1e-4f);
    }

    [Fact]
    public void Export_AdapterBesideThatChangesATiedHead_NamesTheRemedy()
    {
        var source = SharedAssets.Path("reported", "lora-tied-head");
        using TemporaryFolder folder = new();
        using var checkpoint = Checkpoint.Open(Path.Combine(source, "base"));
        using var adapter = LoraAdapter.Open(Path.Combine(source, "adapter-lora"));
        var error = Assert.Throws<NotSupportedException>(() => Exporter.Export(
            checkpoint, folder["package"], new ExportOptions
            {
                Adapters = new Dictionary<string, LoraAdapter> { ["own"] = adapter },
            }));
        Assert.Equal(
            $"The adapter 'own' in '{adapter.Path}' changes the head 'lm_head.weight', which the model ties to its "
            + "embedding, which cannot be switched per request. Merge it at export instead.", error.Message);
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
            Assert.Equal("prequantized", report.Manifest.Quantization!.Method);
        }

        int[] ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];
        using DecoderRunner single = new(folder["fp32"]);
        using DecoderRunner kept = new(folder["int4"]);
        var max = DecoderParityTests.Difference(kept.Run(ids), single.Run(ids));
        output.WriteLine($"groups out of order: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    private static string WithSettings(TemporaryFolder folder, string name, JsonObject? settings)
    {
        var source = SharedAssets.Path("quantized-checkpoints", name);
        Directory.CreateDirectory(folder["source"]);
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(source, "config.json")))!.AsObject();
        config["quantization_config"] = settings;
        File.WriteAllText(folder["source/config.json"], config.ToJsonString());
        File.CreateSymbolicLink(folder["source/model.safetensors"], Path.Combine(source, "model.safetensors"));
        return folder["source"];
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
