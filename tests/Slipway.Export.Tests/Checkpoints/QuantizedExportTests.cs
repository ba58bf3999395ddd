using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Checkpoints;

public sealed class QuantizedExportTests(ITestOutputHelper output)
{
    private static readonly int[] Ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];

    // The operator rounds the inputs of 8-bit experts, and latent keys and values are split in half precision.
    [Theory]
    [InlineData("llama", "pack-2", Precision.Float32)]
    [InlineData("llama", "pack-2", Precision.Int2)]
    [InlineData("llama", "pack-2", Precision.Int4)]
    [InlineData("llama", "pack-4", Precision.Int8)]
    [InlineData("llama", "mixed", Precision.Int4)]
    [InlineData("llama", "mixed", Precision.Int8)]
    [InlineData("llama", "nvfp4", Precision.Int8)]
    [InlineData("phi3", "pack-4", Precision.Int4)]
    [InlineData("qwen3-moe", "pack-4", Precision.Float32)]
    [InlineData("qwen3-moe", "pack-4", Precision.Int4)]
    [InlineData("qwen3-moe", "pack-8", Precision.Int8, 0.2f)]
    [InlineData("qwen3-moe", "fp8", Precision.Float32)]
    [InlineData("mixtral", "pack-4", Precision.Int4)]
    [InlineData("mixtral", "fp8", Precision.Float32)]
    [InlineData("granite-hybrid-moe", "pack-4", Precision.Float32)]
    [InlineData("granite-hybrid-moe", "pack-4", Precision.Int4)]
    [InlineData("deepseek-v3", "fp8", Precision.Float32)]
    [InlineData("deepseek-v3", "pack-4", Precision.Int4, 0.02f)]
    public void Export_CodesThatFit_EqualTheirValuesAndAreKept(
        string model, string form, Precision precision, float tolerance = 1e-4f)
    {
        using TemporaryFolder folder = new();
        QuantizedCopy.Write(SharedAssets.Path("tiny", model), form, folder["stored"], folder["plain"]);
        Export(folder["plain"], folder["values"], Precision.Float32);
        var report = Export(folder["stored"], folder["package"], precision);

        using DecoderRunner values = new(folder["values"]);
        using DecoderRunner kept = new(folder["package"]);
        var max = DecoderParityTests.Difference(kept.Run(Ids), values.Run(Ids));
        output.WriteLine($"{model} {form} {precision}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, tolerance);
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("anew", StringComparison.Ordinal));
        Assert.Equal(precision == Precision.Float32 ? null : "prequantized", report.Manifest.Quantization?.Method);
    }

    /// <summary>What libraries publish, over models with odd sizes, biases and mixtures too.</summary>
    [Theory]
    [InlineData("llama", "bnb-nf4")]
    [InlineData("llama-head20", "bnb-nf4")]
    [InlineData("llama-head20", "bnb-nf4-double")]
    [InlineData("llama-head20", "bnb-fp4-32")]
    [InlineData("qwen2", "bnb-fp4-double-128")]
    [InlineData("phi3", "bnb-nf4-double")]
    [InlineData("qwen3", "bnb-nf4-some")]
    [InlineData("llama-head20", "bnb-int8")]
    [InlineData("qwen2", "bnb-int8")]
    [InlineData("gemma3", "bnb-int8")]
    [InlineData("llama", "ct-nvfp4-fused")]
    [InlineData("qwen2", "ct-nvfp4-fused")]
    [InlineData("llama", "ct-mxfp4")]
    [InlineData("qwen3", "ct-mxfp4")]
    [InlineData("llama", "modelopt-excludes")]
    [InlineData("phi3", "modelopt-excludes")]
    [InlineData("llama", "modelopt-mixed")]
    [InlineData("qwen2", "modelopt-mixed")]
    [InlineData("llama", "auto-round-gptq")]
    [InlineData("qwen2", "auto-round-gptq")]
    [InlineData("llama", "auto-round-nvfp4")]
    [InlineData("llama", "auto-round-awq")]
    [InlineData("phi3", "auto-round-awq")]
    public void Export_FormOfALibrary_EqualsItsValues(string model, string form)
    {
        using TemporaryFolder folder = new();
        QuantizedCopy.Write(SharedAssets.Path("tiny", model), form, folder["stored"], folder["plain"]);
        Export(folder["plain"], folder["values"], Precision.Float32);
        Export(folder["stored"], folder["package"], Precision.Float32);

        using DecoderRunner values = new(folder["values"]);
        using DecoderRunner read = new(folder["package"]);
        var expected = values.Run(Ids);
        var max = DecoderParityTests.Difference(read.Run(Ids), expected);
        output.WriteLine($"{model} {form}: largest difference {max:0.0e+0} of {expected.Max(Math.Abs):0.0}");
        Assert.InRange(max, 0, 1e-4f);

        // In codes it is told what is not kept, and stays near.
        var report = Export(folder["stored"], folder["int8"], Precision.Int8);
        using DecoderRunner int8 = new(folder["int8"]);
        var off = DecoderParityTests.Difference(int8.Run(Ids), expected) / expected.Max(Math.Abs);
        output.WriteLine($"int8: {off:0.000} of the largest logit, {string.Join("; ", report.Warnings)}");
        Assert.InRange(off, 0, 0.1);
    }

    [Theory]
    [InlineData("llama", "fp8", Precision.Int4, "fp8")]
    [InlineData("llama", "fp8", Precision.Int8, "fp8")]
    [InlineData("llama", "pack-8", Precision.Int4, "compressed-tensors")]
    [InlineData("llama", "nvfp4", Precision.Int4, "modelopt")]
    [InlineData("llama", "unequal-groups", Precision.Int4, "compressed-tensors")]
    [InlineData("qwen3-moe", "fp8", Precision.Int8, "fp8")]
    [InlineData("qwen3-moe", "pack-4-and-fp8-experts", Precision.Int4, "compressed-tensors")]
    public void Export_CodesThatDoNotFit_AreQuantizedAnewAndTold(
        string model, string form, Precision precision, string method)
    {
        using TemporaryFolder folder = new();
        QuantizedCopy.Write(SharedAssets.Path("tiny", model), form, folder["stored"], folder["plain"]);
        Export(folder["plain"], folder["values"], Precision.Float32);
        var report = Export(folder["stored"], folder["package"], precision);

        var told = Assert.Single(report.Warnings, warning => warning.Contains("anew", StringComparison.Ordinal));
        Assert.StartsWith($"'{method}' stores ", told, StringComparison.Ordinal);
        Assert.Contains(
            $" weights of '{folder["stored"]}', such as 'model.layers.0.", told, StringComparison.Ordinal);
        Assert.EndsWith(
            $"', in a form that {Precisions.NameOf(precision)} cannot hold. They were quantized anew from the values "
            + "that their codes stand for, which loses some of them: export it to fp16 or fp32 to keep them.", told,
            StringComparison.Ordinal);
        using DecoderRunner values = new(folder["values"]);
        using DecoderRunner anew = new(folder["package"]);
        var (expected, actual) = (values.Run(Ids), anew.Run(Ids));
        var max = DecoderParityTests.Difference(actual, expected);
        output.WriteLine($"{model} {form} {precision}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 1e-6f, expected.Max(Math.Abs));
    }

    [Fact]
    public void Export_AdapterOverCodes_EqualsTheAdapterOverTheirValues()
    {
        using TemporaryFolder folder = new();
        QuantizedCopy.Write(SharedAssets.Path("tiny", "llama"), "pack-4", folder["stored"], folder["plain"]);
        foreach (var name in (string[])["stored", "plain"])
        {
            using var merged = Merge(folder[name]);
            Exporter.Export(merged, folder[$"{name}-package"]);
        }

        using DecoderRunner stored = new(folder["stored-package"]);
        using DecoderRunner plain = new(folder["plain-package"]);
        Assert.InRange(DecoderParityTests.Difference(stored.Run(Ids), plain.Run(Ids)), 0, 1e-4f);

        // What the adapter changes is on no grid any more.
        using var checkpoint = Merge(folder["stored"]);
        var report = Exporter.Export(
            checkpoint, folder["int4"], new ExportOptions { Precision = Precision.Int4 });
        Assert.Contains(report.Warnings, warning => warning.Contains("anew", StringComparison.Ordinal));

        static Checkpoint Merge(string source) => LoraAdapter.Open(SharedAssets.Path("lora", "llama", "attention"))
            .MergeInto(Checkpoint.Open(source));
    }

    private static ExportReport Export(string source, string target, Precision precision)
    {
        using var checkpoint = Checkpoint.Open(source);
        return Exporter.Export(checkpoint, target, new ExportOptions { Precision = precision });
    }
}
