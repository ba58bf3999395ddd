using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Export.Tests.Architectures;
using Slipway.Export.Tests.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Quantization;

/// <summary>Options that decide something together do so; those that would not are refused or told.</summary>
public sealed class QuantizationOptionTests : IDisposable
{
    private static readonly int[] Ids = [.. Enumerable.Range(0, 24).Select(index => index * 7 % 250)];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Precision.Float16, "gptq", 32, "", "The method 'gptq' chooses codes of int8, int4 and int2, and the "
        + "precision is 'fp16'. Name one of these precisions, or leave Method ('--method') out.")]
    [InlineData(Precision.Float32, "Search", 32, "", "The method 'search' chooses codes of int8, int4 and int2, and "
        + "the precision is 'fp32'. Name one of these precisions, or leave Method ('--method') out.")]
    [InlineData(Precision.Float16, "awq", 32, "down_proj=int4:hqq", "The method 'awq' chooses codes of int8, int4 and "
        + "int2, and the precision is 'fp16' and no rule of the recipe asks for one and names no method of its own. "
        + "Name one of these precisions, or leave Method ('--method') out.")]
    [InlineData(Precision.Float16, null, 64, "lm_head=fp32", "Blocks of 64 share scales of int8, int4 and int2, and "
        + "the precision is 'fp16' and no rule of the recipe asks for one and names no block size of its own. Name "
        + "one of these precisions, or leave BlockSize ('--block-size') out.")]
    [InlineData(Precision.Float16, "lloyd", 32, "", "There is no quantization method 'lloyd'. Choose one of ")]
    [InlineData(Precision.Int8, "nf4", 32, "", "The method 'nf4' has 16 values, so it stores int4 only, not int8.")]
    [InlineData(Precision.Int4, "fp4", 32, "down_proj=int8", "The method 'fp4' has 16 values, so it stores int4 only")]
    [InlineData(Precision.Float32, null, 48, "down_proj=int4", "The block size must be 16, 32, 64, 128 or 256.")]
    [InlineData(Precision.Int4, "rtn", 32, "down_proj=int8 layers.1.mlp.down_proj=fp16", "The rule "
        + "'layers.1.mlp.down_proj=fp16' of the recipe decides nothing: rules before it fit all of its matrices, such "
        + "as 'model.layers.1.mlp.down_proj.weight', and the first that fits counts. Put it before them, or leave it "
        + "out.")]
    public void Export_OptionsThatDecideNothing_AreRefused(
        Precision precision, string? method, int blockSize, string rules, string told)
    {
        ExportOptions options = new()
        {
            Precision = precision, Method = method, BlockSize = blockSize, Recipe = Rules(rules),
        };
        QuantizeOptions same = new()
        {
            Precision = precision, Method = method, BlockSize = blockSize, Recipe = Rules(rules),
        };
        Export("llama", "single", new ExportOptions());
        Action[] ways =
        [
            () => Export("llama", "out", options),
            () => PackageQuantizer.Quantize(_folder["single"], _folder["out"], same),
            () => OnnxQuantizer.Quantize(_folder["single/model.onnx"], _folder["out/model.onnx"], same),
        ];
        foreach (var way in ways)
        {
            var exception = Assert.ThrowsAny<ArgumentException>(way);
            Assert.StartsWith(told, exception.Message, StringComparison.Ordinal);
            Assert.False(Directory.Exists(_folder["out"]) && Directory.EnumerateFiles(_folder["out"]).Any());
        }
    }

    [Theory]
    [InlineData(Precision.Int8, null, "the method 'search' reads none")]
    [InlineData(Precision.Int4, "hqq", "the method 'hqq' reads none")]
    [InlineData(Precision.Float16, null, "numbers of 'fp16' are not chosen")]
    public void Export_TextThatNothingReads_IsRefused(Precision precision, string? method, string reason)
    {
        Export("llama", "single", new ExportOptions());
        Action[] ways =
        [
            () => Export("llama", "out", new ExportOptions
            {
                Precision = precision, Method = method, Calibration = new Text(),
            }),
            () => PackageQuantizer.Quantize(_folder["single"], _folder["out"], new QuantizeOptions
            {
                Precision = precision, Method = method, Calibration = new Text(),
            }),
        ];
        foreach (var way in ways)
        {
            var exception = Assert.Throws<ArgumentException>(way);
            Assert.StartsWith(
                $"The calibration text decides nothing: {reason}. Name a method that reads one, such as 'gptq' with "
                + "int4, or leave Calibration ('--calibration') out.", exception.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Export_GraphForGpusOfAnEncoder_IsRefused()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("all-minilm-l6-v2"));

        var exception = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["out"], new ExportOptions { Devices = ["cpu", "cuda"] }));

        Assert.Equal(
            "'BertModel' is an encoder, whose one graph all devices run. Leave Devices ('--device') out.",
            exception.Message);
    }

    [Theory]
    [InlineData(Precision.Int4, "int4")]
    [InlineData(Precision.Float16, "fp16")]
    public void Export_RequantizeOfNumbers_IsTold(Precision precision, string name)
    {
        var report = Export("llama", "out", new ExportOptions { Precision = precision, Requantize = true });

        Assert.Equal(
            $"'{SharedAssets.Path("tiny", "llama")}' holds no codes that {name} would keep, so Requantize "
            + "('--requantize') changes nothing.", Assert.Single(report.Warnings));
        Assert.Empty(Export("llama", "other", new ExportOptions { Precision = precision }).Warnings);
    }

    /// <summary>A package of numbers has codes where its rules say so.</summary>
    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Float16)]
    public void Export_RecipeOfCodesInAPackageOfNumbers_IsFollowed(Precision precision)
    {
        ExportOptions options = new()
        {
            Precision = precision, Method = "rtn", BlockSize = 64, Recipe = Rules("lm_head=int8/32 down_proj=int4"),
        };
        Export("llama", "single", new ExportOptions());
        var report = Export("llama", "mixed", options);
        var quantized = PackageQuantizer.Quantize(_folder["single"], _folder["quantized"], new QuantizeOptions
        {
            Precision = options.Precision, Method = options.Method, BlockSize = options.BlockSize,
            Recipe = options.Recipe,
        });

        foreach (var manifest in (Packaging.PackageManifest[])[report.Manifest, quantized.Manifest])
        {
            var recipe = manifest.Quantization!;
            Assert.Equal(Precisions.NameOf(precision), manifest.Precision);
            Assert.Equal(("rtn", 4, 64), (recipe.Method, recipe.Bits, recipe.BlockSize));
            Assert.Equal("int8:rtn/32", recipe.Matrices!["lm_head.weight"]);
            Assert.Equal(Precisions.NameOf(precision), recipe.Matrices["model.embed_tokens.weight"]);
        }

        var graph = OnnxFile.Read(_folder["mixed/model.onnx"]).Graph;
        Assert.Equal([("int4", 64), ("int8", 32)], [.. Products(graph).Distinct().Order()]);
        Assert.Equal(Products(graph), Products(OnnxFile.Read(_folder["quantized/model.onnx"]).Graph));
        using DecoderRunner single = new(_folder["single"]);
        using DecoderRunner mixed = new(_folder["mixed"]);
        using DecoderRunner same = new(_folder["quantized"]);
        var logits = mixed.Run(Ids);
        Assert.InRange(DecoderParityTests.Difference(logits, single.Run(Ids)), 1e-3, 1);
        Assert.InRange(DecoderParityTests.Difference(logits, same.Run(Ids)), 0, 1e-5);
    }

    /// <summary>Rules choose what they fit anew; all else stays as the checkpoint holds it.</summary>
    [Theory]
    [InlineData("llama", "pack-4", "lm_head=int8 layers.0.mlp.down_proj=fp16")]
    [InlineData("llama", "mixed", "layers.1.self_attn.o_proj=fp32")]
    [InlineData("qwen3-moe", "pack-4", "lm_head=int8 o_proj=fp32")]
    [InlineData("phi3", "pack-4", "down_proj=int8:rtn/16")]
    public void Export_RecipeOverCodes_KeepsTheOthers(string model, string form, string rules)
    {
        QuantizedCopy.Write(SharedAssets.Path("tiny", model), form, _folder["stored"], _folder["plain"]);
        ExportOptions int4 = new() { Precision = Precision.Int4 };
        Export(_folder["stored"], "kept", int4);
        var report = Export(_folder["stored"], "mixed", int4 with { Recipe = Rules(rules) });
        Export(_folder["plain"], "single", new ExportOptions());

        var recipe = report.Manifest.Quantization!;
        Assert.Equal("prequantized", recipe.Method);
        Assert.DoesNotContain(report.Warnings, warning => warning.Contains("anew", StringComparison.Ordinal));
        var (kept, mixed) = (Constants("kept"), Constants("mixed"));
        string[] chosen = [.. recipe.Matrices!.Keys.Where(name => Rules(rules).Any(rule => rule.Fits(name, false)))];
        Assert.NotEmpty(chosen);
        foreach (var (name, bytes) in kept)
        {
            if (!chosen.Any(matrix => name.StartsWith(matrix, StringComparison.Ordinal)))
            {
                Assert.True(mixed.TryGetValue(name, out var same) && same == bytes, name);
            }
        }

        using DecoderRunner single = new(_folder["single"]);
        using DecoderRunner both = new(_folder["mixed"]);
        var expected = single.Run(Ids);
        Assert.InRange(DecoderParityTests.Difference(both.Run(Ids), expected) / expected.Max(Math.Abs), 0, 0.05);
    }

    [Theory]
    [InlineData("gptq-llama")]
    [InlineData("gptq-actorder-qwen3")]
    [InlineData("awq-qwen3")]
    public void Export_RecipeOverPublishedCodes_StaysNearTheirValues(string name)
    {
        var source = SharedAssets.Path("quantized-checkpoints", name);
        Export(source, "single", new ExportOptions());
        var report = Export(source, "mixed", new ExportOptions
        {
            Precision = Precision.Int4, Recipe = Rules("down_proj=int8"),
        });

        Assert.Equal("prequantized", report.Manifest.Quantization!.Method);
        using DecoderRunner single = new(_folder["single"]);
        using DecoderRunner mixed = new(_folder["mixed"]);
        var expected = single.Run(Ids);
        Assert.InRange(DecoderParityTests.Difference(mixed.Run(Ids), expected) / expected.Max(Math.Abs), 0, 0.02);
    }

    [Fact]
    public void Export_WhatKeptCodesCannotTake_IsRefusedOrTold()
    {
        var source = SharedAssets.Path("quantized-checkpoints", "gptq-llama");
        ExportOptions int4 = new() { Precision = Precision.Int4 };

        Assert.StartsWith(
            $"'{source}' holds codes that are kept as they are, so the calibration text decides nothing. Leave "
            + "Calibration ('--calibration') out, or set Requantize ('--requantize').",
            Refused(int4 with { Calibration = new Text() }), StringComparison.Ordinal);
        Assert.StartsWith(
            $"The rule 'down_proj=int4:awq' scales what comes before its matrices, and '{source}' holds codes that "
            + "are kept as they are. Name another method, or set Requantize ('--requantize').",
            Refused(int4 with { Recipe = Rules("down_proj=int4:awq") }), StringComparison.Ordinal);
        Assert.Equal(
            $"The codes of '{source}' are kept in their blocks of 32; those of 64 are for what is chosen anew. Set "
            + "Requantize ('--requantize') to have them throughout.",
            Assert.Single(Export(source, "out", int4 with { BlockSize = 64 }).Warnings));

        string Refused(ExportOptions options) =>
            Assert.Throws<ArgumentException>(() => Export(source, "none", options)).Message;
    }

    private static RecipeRule[] Rules(string rules) =>
        [.. rules.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(RecipeRule.Parse)];

    private static IEnumerable<(string Bits, int BlockSize)> Products(Graph graph) =>
        graph.Nodes.Where(node => node.OpType == "MatMulNBits").Select(node =>
            ($"int{Number(node, "bits")}", (int)Number(node, "block_size")));

    private static long Number(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().Single(attribute => attribute.Name == name).Value;

    private Dictionary<string, string> Constants(string package)
    {
        var data = File.ReadAllBytes(_folder[$"{package}/model.onnx.data"]);
        return OnnxFile.Read(_folder[$"{package}/model.onnx"]).Graph.Initializers
            .Where(constant => constant.Data is TensorData.External).ToDictionary(
                constant => constant.Name, constant => constant.Data is TensorData.External place
                    ? Convert.ToHexString(data.AsSpan((int)place.Offset, (int)place.Count)) : "");
    }

    private ExportReport Export(string source, string target, ExportOptions options)
    {
        using var checkpoint = Checkpoint.Open(
            Path.IsPathRooted(source) ? source : SharedAssets.Path("tiny", source));
        return Exporter.Export(checkpoint, _folder[target], options);
    }

    private sealed class Text : ICalibration
    {
        public bool HasText => true;

        public void Run(CalibrationRun run, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("Nothing is to be run.");

        public IReadOnlyList<double> MeasureDivergence(DivergenceRun run, CancellationToken cancellationToken) =>
            throw new InvalidOperationException("Nothing is to be run.");
    }
}
