using Slipway.Export;
using Slipway.Export.Quantization;
using Slipway.Onnx.Serialization;
using Slipway.Testing;
using Slipway.Tracing.Tests.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Tests;

/// <summary>Quantizes the graphs of modules, and holds how far their outputs move.</summary>
public sealed class QuantizationTests
{
    [Theory]
    [InlineData(Precision.Float16, 0.52, 1e-6, 3e-3)]
    [InlineData(Precision.Int8, 0.40, 1e-6, 5e-2)]
    [InlineData(Precision.Int4, 0.30, 1e-4, 0.5)]
    public void Export_Gpt_IsSmallerAndSaysHowFarItMoves(Precision precision, double size, double low, double high)
    {
        using TemporaryFolder folder = new();
        manual_seed(3);
        using Gpt model = new(vocabulary: 256, width: 64);
        var made = OnnxModule.Export(
            model, [randint(0, 256, [2, 8], generator: new Generator(1))], folder["model.onnx"],
            new OnnxModuleOptions
            {
                DynamicAxes = { { "input", 1, new DynamicAxis("sequence", 1, 32) } },
                Quantization = new QuantizeOptions { Precision = precision },
            });
        var quantized = made.Quantization!;
        Assert.InRange(made.WeightBytes, 1, size * quantized.BytesBefore);
        Assert.All(made.Outputs, output => Assert.InRange(output.Relative, 0, 1e-5));
        Assert.All(quantized.Outputs, output => Assert.InRange(output.Relative, low, high));
        Assert.Equal(
            ["model.onnx", "model.onnx.data"],
            Directory.EnumerateFileSystemEntries(folder.Path).Select(Path.GetFileName).Order());

        // The tied table is stored once, and is the head too.
        var graph = OnnxFile.Read(folder["model.onnx"]).Graph;
        Assert.Single(graph.Initializers, item => item.Name.StartsWith("_tokens.weight", StringComparison.Ordinal)
            && item.Data.Length > 4096 && !item.Name.EndsWith(".table", StringComparison.Ordinal));
        Assert.Contains("_tokens.weight", quantized.Matrices.Keys);
    }

    [Fact]
    public void Export_LayersOfRowsAndConvolutions_AreStoredInHalf()
    {
        using TemporaryFolder folder = new();
        manual_seed(3);
        using var module = nn.Sequential(
            nn.Conv2d(3, 8, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5));
        var made = OnnxModule.Export(
            module, [randn([2, 3, 8, 8], generator: new Generator(1))], folder["model.onnx"],
            new OnnxModuleOptions { Quantization = new QuantizeOptions { Precision = Precision.Float16 } });
        Assert.Equal(["0.weight", "4.weight"], made.Quantization!.Matrices.Keys.Order());
        Assert.All(made.Quantization.Outputs, output => Assert.InRange(output.Relative, 1e-7, 2e-3));
        Assert.All(OnnxFile.Read(folder["model.onnx"]).Graph.Nodes, node => Assert.Equal("", node.Domain));
    }

    [Fact]
    public void Export_LinearOfRows_IsQuantizedWithItsBias()
    {
        using TemporaryFolder folder = new();
        manual_seed(3);
        using var module = nn.Sequential(nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 5));
        var made = OnnxModule.Export(
            module, [randn([2, 64], generator: new Generator(1))], folder["model.onnx"],
            new OnnxModuleOptions
            {
                Quantization = new QuantizeOptions
                {
                    Precision = Precision.Int4, Recipe = [RecipeRule.Parse("2.weight=fp16")],
                },
            });
        Assert.Equal("fp16", made.Quantization!.Matrices["2.weight"]);
        Assert.Equal(
            ["MatMulNBits", "Relu", "Gemm"],
            OnnxFile.Read(folder["model.onnx"]).Graph.Nodes.Select(node => node.OpType).Where(type => type != "Cast"));
        Assert.All(made.Quantization.Outputs, output => Assert.InRange(output.Relative, 1e-4, 0.3));
    }

    [Fact]
    public void Export_NothingToQuantize_IsRefusedAndLeavesNothing()
    {
        using TemporaryFolder folder = new();
        using var module = Constructs.Of(x => x.relu());
        var failure = Assert.Throws<NotSupportedException>(() => OnnxModule.Export(
            module, [randn(2, 3)], folder["model.onnx"],
            new OnnxModuleOptions { Quantization = new QuantizeOptions() }));
        Assert.Contains("holds no float matrices", failure.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(folder.Path));
    }

    [Fact]
    public void Export_MethodThatMustSeeText_IsRefused()
    {
        using TemporaryFolder folder = new();
        using var module = nn.Linear(64, 32);
        var failure = Assert.Throws<ArgumentException>(() => OnnxModule.Export(
            module, [randn(2, 64)], folder["model.onnx"],
            new OnnxModuleOptions { Quantization = new QuantizeOptions { Method = "gptq" } }));
        Assert.Contains("must see a language model run", failure.Message, StringComparison.Ordinal);
    }
}
