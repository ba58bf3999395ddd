using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Export.Tests.Architectures;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Packaging.Kernels;
using Slipway.Testing;

namespace Slipway.Export.Tests;

public sealed class KernelGraphTests(ITestOutputHelper output) : IDisposable
{
    private const string KernelFile = "kernels.onnx";
    private static readonly ExportOptions Int4 = new() { Precision = Precision.Int4 };
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Export_Llama_TakesNormsSumsAndGatesIntoProducts()
    {
        Export("llama", Int4);
        var plain = OnnxFile.Read(_folder["package/model.onnx"]).Graph;
        var model = OnnxFile.Read(_folder["package/kernels.onnx"]);
        var layers = ModelPackage.Open(_folder["package"]).Config.Model.Decoder.NumHiddenLayers;

        Assert.Equal(KernelContract.Version, model.OperatorSets[KernelContract.Domain]);
        Assert.Equal((4 * layers) + 1, Count("slipway", "FusedMatMulNBits") + Count("slipway", "GatedMatMulNBits"));
        Assert.Equal(layers, Count("slipway", "GatedMatMulNBits"));
        Assert.Equal(layers, Count("slipway", "GroupQueryAttentionFloat16"));
        Assert.Equal(0, Count("com.microsoft", "SkipSimplifiedLayerNormalization"));
        Assert.Equal(plain.Inputs, model.Graph.Inputs, SamePort);
        Assert.Equal(plain.Outputs, model.Graph.Outputs, SamePort);

        int Count(string domain, string type) =>
            model.Graph.Nodes.Count(node => node.Domain == domain && node.OpType == type);

        // Keys and values are kept in half precision.
        bool SamePort(GraphPort x, GraphPort y) =>
            x.Name == y.Name && x.Shape.SequenceEqual(y.Shape)
                && y.Type == (IsCache(x) ? ElementType.Float16 : x.Type);

        bool IsCache(GraphPort port) => port.Name.Contains("key", StringComparison.Ordinal)
            || port.Name.Contains("value", StringComparison.Ordinal);
    }

    /// <summary>Codes that GPTQ chose run in the kernels, which round inputs to 8 bits as for any codes.</summary>
    [Fact]
    public async Task Score_CodesOfALibrary_RunInKernelsNearTheirValues()
    {
        foreach (var (package, precision) in ((string, Precision)[])
            [("full", Precision.Float32), ("package", Precision.Int4)])
        {
            using var checkpoint = Checkpoint.Open(SharedAssets.Path("quantized-checkpoints", "gptq-llama"));
            Exporter.Export(checkpoint, _folder[package], new ExportOptions { Precision = precision });
        }

        Assert.DoesNotContain(
            OnnxFile.Read(_folder["package/kernels.onnx"]).Graph.Nodes, node => node.OpType == "MatMulNBits");
        var full = await ScoresAsync("full", useKernels: false);
        var kernels = await ScoresAsync("package", useKernels: true);
        output.WriteLine($"kernels are {Distance(kernels, full):0.0e+0} from float32");
        Assert.InRange(Distance(kernels, full), 1e-6, 0.1);
    }

    /// <summary>Slots can be left alone where attention is all that keeps anything of them.</summary>
    [Theory]
    [InlineData("llama", true)]
    [InlineData("mistral-window", true)]
    [InlineData("gemma3", true)]
    [InlineData("gpt-oss", true)]
    [InlineData("qwen3.5", false)]
    public void Export_SaysWhetherKernelsLeaveSlotsAlone(string name, bool expected)
    {
        Export(name, Int4);
        var manifest = ModelPackage.Open(_folder["package"]).Manifest!;
        var variant = Assert.Single(manifest.Variants!);
        Assert.Equal(
            ("cpu", KernelFile, KernelContract.Version), (variant.Provider, variant.File, variant.KernelVersion));
        Assert.Equal(expected ? [KernelContract.InactiveSlots] : [], variant.Capabilities!);
    }

    /// <summary>
    /// Both round a layer's inputs to 8 bits, and where the last bit of a sum differs a code does too; neither is
    /// farther from float32 than the other.
    /// </summary>
    [Theory]
    [MemberData(nameof(DecoderParityTests.Names), MemberType = typeof(DecoderParityTests))]
    public async Task Score_KernelsAndOnnxRuntime_AreAsNearToFloat32(string name)
    {
        Export(name, new ExportOptions(), "full");
        Export(name, Int4);
        var full = await ScoresAsync("full", useKernels: false);
        var kernels = await ScoresAsync("package", useKernels: true);
        var runtime = await ScoresAsync("package", useKernels: false);

        output.WriteLine(
            $"{name}: kernels are {Distance(kernels, full):0.0e+0} from float32, ONNX Runtime "
            + $"{Distance(runtime, full):0.0e+0}, they from each other {Distance(kernels, runtime):0.0e+0}");
        Assert.InRange(Distance(kernels, full), 0, (1.3 * Distance(runtime, full)) + 1e-4);
        Assert.InRange(Distance(kernels, runtime), 0, 0.3 * Distance(runtime, full));
    }

    /// <summary>Weights of 8 bits, in all matrices or beside others, run in the kernels as those of 4 do.</summary>
    [Theory]
    [InlineData("llama", "*=int8")]
    [InlineData("qwen2", "*=int8")]
    [InlineData("gemma3", "*=int8")]
    [InlineData("llama", "lm_head=int8")]
    [InlineData("llama", "mlp.gate_proj=int8")]
    public async Task Score_MatricesOfEightBits_RunInKernelsAsNearToFloat32(string name, string rule)
    {
        Export(name, new ExportOptions(), "full");
        Export(name, Int4 with { Recipe = [RecipeRule.Parse(rule)] });
        var nodes = OnnxFile.Read(_folder["package/kernels.onnx"]).Graph.Nodes;
        Assert.DoesNotContain(nodes, node => node.OpType == "MatMulNBits");
        var gates = OnnxFile.Read(_folder["package/model.onnx"]).Graph.Nodes.Count(node => node.OpType == "Sigmoid");
        Assert.Equal(gates, nodes.Count(node => node.OpType == "GatedMatMulNBits"));

        var full = await ScoresAsync("full", useKernels: false);
        var kernels = Distance(await ScoresAsync("package", useKernels: true), full);
        var runtime = Distance(await ScoresAsync("package", useKernels: false), full);
        output.WriteLine($"{name}, {rule}: kernels {kernels:0.0e+0}, ONNX Runtime {runtime:0.0e+0} from float32");
        Assert.InRange(kernels, 0, (1.3 * runtime) + 1e-4);
    }

    /// <summary>A prompt in one chunk, in others, and token by token: log-probabilities are equal to the bit.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("olmo2")]
    public async Task Score_AnyChunks_AreEqualToTheBit(string name)
    {
        Export(name, Int4);
        var whole = await ScoresAsync("package", useKernels: true, chunk: 64);
        Assert.Equal(whole, await ScoresAsync("package", useKernels: true, chunk: 11));
        Assert.Equal(whole, await ScoresAsync("package", useKernels: true, chunk: 1));
    }

    [Fact]
    public async Task Generate_Float32_AttendsByTheKernelWithTheSameTokens()
    {
        Export("llama", new ExportOptions());
        Assert.Contains(
            OnnxFile.Read(_folder["package/kernels.onnx"]).Graph.Nodes, node => node.OpType == "GroupQueryAttention");
        int[] prompt = [.. Enumerable.Range(3, 50)];
        using var kernels = LanguageModel.Load(_folder["package"]);
        using var runtime = LanguageModel.Load(
            _folder["package"], new LanguageModelOptions { UseKernels = false });
        Assert.Equal(
            await EngineParityTests.AnswerAsync(runtime, prompt), await EngineParityTests.AnswerAsync(kernels, prompt));
    }

    [Fact]
    public void Load_KernelFileIsGone_IsRefusedWhereItIsWanted()
    {
        Export("llama", Int4);
        var manifest = _folder["package/slipway.json"];
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace(
            $"\"file\": \"{KernelFile}\"", "\"file\": \"other.onnx\""));
        var refused = Assert.Throws<PackageException>(() => LanguageModel.Load(_folder["package"]));
        Assert.EndsWith(
            "has no file 'other.onnx', which 'slipway.json' names as its graph for 'cpu'. Copy or export the package "
            + "again.", refused.Message);
        LanguageModel.Load(_folder["package"], new LanguageModelOptions { UseKernels = false }).Dispose();
    }

    private async Task<float[]> ScoresAsync(string package, bool useKernels, int chunk = 9)
    {
        using var model = LanguageModel.Load(
            _folder[package], new LanguageModelOptions { MaxPrefillTokens = chunk, UseKernels = useKernels });
        return await model.ScoreAsync(
            [.. Enumerable.Range(0, 60).Select(index => 3 + (index * 7 % 40))], TestContext.Current.CancellationToken);
    }

    private static double Distance(float[] x, float[] y) =>
        Math.Sqrt(x.Zip(y, (one, other) => (double)(one - other) * (one - other)).Average());

    private void Export(string name, ExportOptions options, string package = "package")
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Exporter.Export(checkpoint, _folder[package], options);
    }
}
