using Slipway.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Testing;

namespace Slipway.Export.Tests.Weights;

public sealed class BlockMinimaTests(ITestOutputHelper output) : IDisposable
{
    private static readonly int[] _ids = [3, 141, 59, 26, 53, 58, 97, 93];
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Products, products with a bias, and a tied table that is looked up.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("llama-tied-bias")]
    public void Export_CodesWithMinima_KeepsTheWeights(string name)
    {
        Export(name, new ExportOptions(), "full");
        Export(name, new ExportOptions { Precision = Precision.Int4 }, "kept");
        Export(name, new ExportOptions { Precision = Precision.Int4, Method = "search" }, "anew");
        using DecoderRunner full = new(_folder["full"]), kept = new(_folder["kept"]), anew = new(_folder["anew"]);
        var expected = full.Run(_ids);
        var (error, other) = (Error(expected, kept.Run(_ids)), Error(expected, anew.Run(_ids)));

        // Inputs are rounded to 8 bits, as in every int4 package.
        output.WriteLine(
            $"{name}: kept {error:0.0e+0} of the logits' size from float32, quantized anew {other:0.0e+0}");
        Assert.InRange(error, 0, 0.05);
        Assert.True(error < other / 2);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("llama-tied-bias")]
    public async Task Score_KernelsReadMinima_AsNearToOnnxRuntimeAsElsewhere(string name)
    {
        Export(name, new ExportOptions(), "full");
        Export(name, new ExportOptions { Precision = Precision.Int4 }, "kept");
        var nodes = OnnxFile.Read(_folder["kept/kernels.onnx"]).Graph.Nodes;
        var products = nodes.Where(node => node.OpType is "FusedMatMulNBits" or "GatedMatMulNBits").ToList();
        Assert.NotEmpty(products);
        Assert.All(products, node => Assert.EndsWith(".minima", node.Inputs[3], StringComparison.Ordinal));
        Assert.DoesNotContain(nodes, node => node.OpType is "MatMulNBits" or "FusedMatMul");

        var full = await ScoresAsync("full", useKernels: false);
        var kernels = Distance(await ScoresAsync("kept", useKernels: true), full);
        var runtime = Distance(await ScoresAsync("kept", useKernels: false), full);
        output.WriteLine($"{name}: kernels {kernels:0.0e+0}, ONNX Runtime {runtime:0.0e+0} from float32");
        Assert.InRange(kernels, 0, (2 * runtime) + 1e-4);
    }

    [Fact]
    public void Export_CodesWithMinima_SaysSoAndTakesFiveBitsAWeight()
    {
        var report = Export("llama", new ExportOptions { Precision = Precision.Int4 }, "kept");
        Assert.Equal(("prequantized", 4, 32), (
            report.Manifest.Quantization!.Method, report.Manifest.Quantization.Bits,
            report.Manifest.Quantization.BlockSize));
        var graph = OnnxFile.Read(_folder["kept/model.onnx"]).Graph;
        Assert.Contains(graph.Initializers, constant => constant.Name.EndsWith(".minima", StringComparison.Ordinal));
        Assert.All(
            graph.Initializers.Where(constant => constant.Name.EndsWith(".minima", StringComparison.Ordinal)
                || constant.Name.EndsWith(".scales", StringComparison.Ordinal)),
            constant => Assert.Equal(ElementType.Float16, constant.Type));
        Assert.DoesNotContain(
            graph.Initializers, constant => constant.Name.EndsWith(".zero_points", StringComparison.Ordinal));
    }

    private static double Error(float[] expected, float[] given) =>
        Math.Sqrt(expected.Zip(given, (x, y) => (double)(x - y) * (x - y)).Sum() / expected.Sum(x => (double)x * x));

    private static double Distance(float[] x, float[] y) =>
        Math.Sqrt(x.Zip(y, (one, other) => (double)(one - other) * (one - other)).Average());

    private async Task<float[]> ScoresAsync(string package, bool useKernels)
    {
        using var model = LanguageModel.Load(
            _folder[package], new LanguageModelOptions { MaxPrefillTokens = 9, UseKernels = useKernels });
        return await model.ScoreAsync(
            [.. Enumerable.Range(0, 60).Select(index => 3 + (index * 7 % 40))], TestContext.Current.CancellationToken);
    }

    private ExportReport Export(string name, ExportOptions options, string package)
    {
        using MinimaCheckpoint checkpoint = new(Checkpoint.Open(SharedAssets.Path("tiny", name)));
        return Exporter.Export(checkpoint, _folder[package], options);
    }
}
