using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Export.Tests;

public sealed class PrefillGraphTests(ITestOutputHelper output) : IDisposable
{
    private const string PrefillFile = "prefill.onnx";
    private const int NewTokens = 8;

    private static readonly string[] Without = ["mixtral", "qwen3-moe", "gpt-oss", "deepseek-v3", "qwen3.5"];

    // With this library's own kernels, prompts need no graph of their own.
    private static readonly LanguageModelOptions Runtime = new() { UseKernels = false };

    private readonly TemporaryFolder _folder = new();

    public static TheoryData<string> DenseCases { get; } =
        [.. DecoderParityTests.Names.Select(row => row.Data).Except(Without)];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [MemberData(nameof(DenseCases))]
    public void Export_PrefillGraph_StaysNearFloat32(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Exporter.Export(checkpoint, _folder["full"]);
        Exporter.Export(checkpoint, _folder["both"], Both);
        int[] ids = Prompt(40);
        using DecoderRunner full = new(_folder["full"]), prefill = new(_folder["both"], PrefillFile);
        float[] expected = full.Run(ids), given = prefill.Run(ids);
        double error = Math.Sqrt(expected.Zip(given, (x, y) => (double)(x - y) * (x - y)).Sum()
            / expected.Sum(x => (double)x * x));
        output.WriteLine($"{name}: error {error:0.0e+0} of the logits' size");
        Assert.InRange(error, 1e-6, 0.1);
    }

    [Theory]
    [MemberData(nameof(DenseCases))]
    public async Task Generate_PackageWithPrefillGraph_TakesPromptsThroughIt(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Exporter.Export(checkpoint, _folder["both"], Both);
        int[] prompt = Prompt(19);
        using LanguageModel model = LanguageModel.Load(_folder["both"], Runtime);
        using LanguageModel without = LanguageModel.Load(
            _folder["both"], Runtime with { UsePrefillGraph = false });

        Assert.Equal(Expected(prompt, PrefillFile), await EngineParityTests.AnswerAsync(model, prompt, NewTokens));
        Assert.Equal(Expected(prompt, null), await EngineParityTests.AnswerAsync(without, prompt, NewTokens));
    }

    [Fact]
    public async Task Generate_MemoryForTwoRows_ComputesPromptsAndAnswersAgainEachByItsGraph()
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["both"], Both);
        int[][] prompts = [.. Enumerable.Range(0, 6).Select(index => Prompt(9 + (5 * index)))];
        GenAIDecoder decoder = ModelPackage.Open(_folder["both"]).Config.Model.Decoder;
        long token = 2L * decoder.NumHiddenLayers * decoder.NumKeyValueHeads * decoder.HeadSize * sizeof(float);
        using LanguageModel tight = LanguageModel.Load(_folder["both"], Runtime with
        {
            KeyValueCacheBytes = 2 * 64 * token, ContextLength = 64, PrefixCacheBytes = 0, PrefillChunk = 7,
        });

        int[][] answers = await Task.WhenAll(
            prompts.Select(prompt => EngineParityTests.AnswerAsync(tight, prompt, longest: 20)));

        Assert.Equal([.. prompts.Select(prompt => Expected(prompt, PrefillFile, 20))], answers);
    }

    [Theory]
    [InlineData("mixtral")]
    [InlineData("deepseek-v3")]
    public void Export_Experts_AreRefusedAndNothingIsLeft(string name)
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
        NotSupportedException refused = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["both"], Both));
        Assert.Contains("holds experts, and a prefill graph cannot have such layers", refused.Message);
        Assert.False(Directory.Exists(_folder["both"]));
    }

    [Fact]
    public void Export_OfFloatWeights_IsRefused()
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        ArgumentException refused = Assert.Throws<ArgumentException>(
            () => Exporter.Export(checkpoint, _folder["both"], new ExportOptions { PrefillGraph = true }));
        Assert.Equal(
            "A prefill graph stands beside int4 or int8 weights, and the precision is 'fp32'. Choose another precision, or "
            + "no prefill graph. (Parameter 'options')", refused.Message);
    }

    [Fact]
    public void Export_LayersWithStates_AreRefused()
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "qwen3.5"));
        NotSupportedException refused = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["both"], Both));
        Assert.EndsWith(
            "carry states, which a prefill graph's rounded inputs would harm. Export it without one.",
            refused.Message);
    }

    [Fact]
    public void Export_OfAnEncoder_IsRefused()
    {
        using Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "bert"));
        NotSupportedException refused = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["both"], Both));
        Assert.Equal(
            "'BertModel' is an encoder; prefill graphs are for decoders. Export it without one.", refused.Message);
    }

    [Fact]
    public void Load_PrefillGraphOfAnotherModel_IsRefused()
    {
        using (Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama")))
        {
            Exporter.Export(checkpoint, _folder["both"], Both);
        }

        using (Checkpoint checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "qwen3")))
        {
            Exporter.Export(checkpoint, _folder["other"], Both);
        }

        foreach (string file in (string[])[PrefillFile, $"{PrefillFile}.data", "model.onnx.data"])
        {
            File.Copy(Path.Combine(_folder["other"], file), Path.Combine(_folder["both"], $"other-{file}"));
        }

        string manifest = Path.Combine(_folder["both"], "slipway.json");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace(
            $"\"prefill_model\": \"{PrefillFile}\"", "\"prefill_model\": \"other-prefill.onnx\""));
        PackageException refused = Assert.Throws<PackageException>(() => LanguageModel.Load(_folder["both"], Runtime));
        Assert.StartsWith("ONNX Runtime cannot load", refused.Message);
        File.Delete(Path.Combine(_folder["both"], "other-prefill.onnx"));
        refused = Assert.Throws<PackageException>(() => LanguageModel.Load(_folder["both"], Runtime));
        Assert.EndsWith(
            "has no file 'other-prefill.onnx', which 'slipway.json' names as its graph for prompts. Copy or export the "
            + "package again.", refused.Message);
    }

    private static ExportOptions Both => new() { Precision = Precision.Int8, PrefillGraph = true };

    // The prompt by one graph, the answer by the other, with ONNX Runtime alone.
    private int[] Expected(int[] prompt, string? graph, int count = NewTokens)
    {
        using DecoderRunner first = new(_folder["both"], graph), second = new(_folder["both"]);
        List<int> ids = [Last(first.Run(prompt), first.VocabularySize)];
        second.Follow(first);
        while (ids.Count < count)
        {
            ids.Add(Last(second.Run([ids[^1]]), second.VocabularySize));
        }

        return [.. ids];
    }

    private static int Last(float[] logits, int vocabularySize)
    {
        ReadOnlySpan<float> last = logits.AsSpan()[^vocabularySize..];
        return System.Numerics.Tensors.TensorPrimitives.IndexOfMax(last);
    }

    private static int[] Prompt(int length) => [.. Enumerable.Range(0, length).Select(index => 3 + (index * 37 % 150))];
}
