using Microsoft.ML.OnnxRuntime;
using Slipway.Calibration.Running;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Export.Quantization;
using Slipway.Testing;

namespace Slipway.Calibration.Tests;

/// <summary>Exports and quantizes by methods that see the model run.</summary>
public sealed class CalibratedExportTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // Mixtures, layers stored transposed, norms of queries and keys, biases, states, a tied head.
    public static TheoryData<string, string> Cases
    {
        get
        {
            TheoryData<string, string> data = [];
            foreach (var model in (string[])["mixtral", "gpt2", "qwen3", "qwen3.5"])
            {
                foreach (var method in (string[])["fitted", "gptq"])
                {
                    data.Add(model, method);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Quantize_Calibrated_GivesLayerOutputsNearerThanRoundToNearest(string model, string method)
    {
        Export(model, "single", new ExportOptions());
        Quantize("single", "plain", new QuantizeOptions { Method = "rtn" });
        Quantize("single", "calibrated", new QuantizeOptions { Method = method, Calibration = Calibration() });
        var texts = LayerOutputs.KeptTexts(_folder["cache"]);

        var plain = LayerOutputs.Errors(_folder["single"], _folder["plain"], texts);
        var calibrated = LayerOutputs.Errors(_folder["single"], _folder["calibrated"], texts);

        Assert.NotEmpty(calibrated);
        output.WriteLine(
            $"{model} {method}: mean squared error of layers {calibrated.Values.Average():0.00000}, "
            + $"round to nearest {plain.Values.Average():0.00000}");
        Assert.All(calibrated, layer => Assert.InRange(layer.Value, 0, plain[layer.Key]));
        Assert.InRange(calibrated.Values.Average(), 0, 0.9 * plain.Values.Average());
    }

    [Theory]
    [InlineData("mixtral", "awq")]
    [InlineData("mixtral", "weighted")]
    [InlineData("qwen3-moe", "fitted")]
    [InlineData("mixtral", "gptq")]
    [InlineData("gpt2", "awq")]
    [InlineData("qwen3", "awq")]
    [InlineData("qwen3", "awq+weighted")]
    [InlineData("qwen3", "awq+minima")]
    [InlineData("llama", "awq+gptq")]
    public void Quantize_ScaledInputsAndExperts_GivesHiddenStatesNearerThanRoundToNearest(string model, string method)
    {
        Export(model, "single", new ExportOptions());
        Quantize("single", "plain", new QuantizeOptions { Method = "rtn" });
        Quantize("single", "scaled", new QuantizeOptions { Method = method, Calibration = Calibration() });
        var texts = LayerOutputs.KeptTexts(_folder["cache"]);

        var plain = LayerOutputs.HiddenErrors(_folder["single"], _folder["plain"], texts);
        var scaled = LayerOutputs.HiddenErrors(_folder["single"], _folder["scaled"], texts);

        Assert.NotEmpty(scaled);
        output.WriteLine(
            $"{model} {method}: mean squared error of hidden states {scaled.Values.Average():0.00000}, "
            + $"round to nearest {plain.Values.Average():0.00000}");
        Assert.InRange(scaled.Values.Average(), 1e-6, 0.95 * plain.Values.Average());
    }

    // Two sets of rotary frequencies, and experts that gather their tokens.
    [Theory]
    [InlineData("phi3-longrope")]
    [InlineData("gemma4-moe")]
    public void Export_ByDefault_GivesHiddenStatesNearerThanRoundToNearest(string model)
    {
        Export(model, "single", new ExportOptions { SlidingWindowCache = false });
        Quantize("single", "plain", new QuantizeOptions { Method = "rtn" });
        Export(model, "default", new ExportOptions
        {
            Precision = Precision.Int4, Calibration = Calibration(), SlidingWindowCache = false,
        });
        var texts = LayerOutputs.KeptTexts(_folder["cache"]);

        var plain = LayerOutputs.HiddenErrors(_folder["single"], _folder["plain"], texts);
        var calibrated = LayerOutputs.HiddenErrors(_folder["single"], _folder["default"], texts);

        Assert.NotEmpty(calibrated);
        Assert.InRange(calibrated.Values.Average(), 1e-6, 0.95 * plain.Values.Average());
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("phi3-longrope")]
    public void Export_Calibrated_EqualsTheQuantizedFloatPackage(string model)
    {
        Export(model, "single", new ExportOptions());
        Quantize("single", "quantized", new QuantizeOptions { Method = "fitted", Calibration = Calibration() });
        Export(model, "exported", new ExportOptions
        {
            Precision = Precision.Int4, Method = "fitted", Calibration = Calibration(),
        });

        Assert.Equal(
            File.ReadAllBytes(_folder["quantized/model.onnx.data"]),
            File.ReadAllBytes(_folder["exported/model.onnx.data"]));
        Assert.Equal(Nodes("quantized"), Nodes("exported"));
    }

    [Fact]
    public async Task Quantize_LayersThatKeepAWindow_KeepItAndComeNearerThanRoundToNearest()
    {
        Export("gemma3", "single", new ExportOptions());
        Quantize("single", "plain", new QuantizeOptions { Method = "rtn" });
        Quantize(
            "single", "calibrated", new QuantizeOptions { Method = "gptq", Calibration = Calibration(texts: 192) });
        await using var single = LanguageModel.Load(_folder["single"]);
        await using var plain = LanguageModel.Load(_folder["plain"]);
        await using var calibrated = LanguageModel.Load(_folder["calibrated"]);
        var (near, far, random) = (0.0, 0.0, new Random(3));
        for (var sequence = 0; sequence < 8; sequence++)
        {
            int[] ids = [.. Enumerable.Range(0, 48).Select(_ => random.Next(single.VocabularySize))];
            var right = await LogitsAsync(single, ids);
            near += Distance(await LogitsAsync(calibrated, ids), right);
            far += Distance(await LogitsAsync(plain, ids), right);
        }

        Assert.InRange(near, 0, 0.95 * far);
        Assert.Contains(Sliding("single"), slides => slides);
        Assert.Equal(Sliding("single"), Sliding("calibrated"));

        bool[] Sliding(string package) =>
        [
            .. Onnx.Serialization.OnnxFile.Read(_folder[$"{package}/model.onnx"]).Graph.Nodes
                .Where(node => node.OpType == "GroupQueryAttention")
                .Select(node => node.Attributes.Any(attribute => attribute.Name == "sliding_window_cache")),
        ];
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("qwen3-moe")]
    public void Quantize_WithoutText_GivesTheConstantsOfAnExport(string model)
    {
        Export(model, "single", new ExportOptions());
        Quantize("single", "quantized", new QuantizeOptions { Method = "search" });
        Export(model, "exported", new ExportOptions { Precision = Precision.Int4, Method = "search" });

        var (quantized, exported) = (Constants("quantized"), Constants("exported"));
        Assert.Contains(exported, constant => constant.Key.EndsWith(".codes", StringComparison.Ordinal));
        Assert.All(
            exported.Where(constant => constant.Key.EndsWith(".codes", StringComparison.Ordinal)
                || constant.Key.EndsWith(".scales", StringComparison.Ordinal)),
            constant => Assert.Equal(constant.Value, quantized[constant.Key]));
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("llama-tied-bias")]
    public async Task Quantize_Minima_GivesTheSameLogitsByKernelsAndWithout(string model)
    {
        Export(model, "single", new ExportOptions());
        Quantize("single", "minima", new QuantizeOptions { Method = "minima", Calibration = Calibration() });
        int[] ids = [.. Enumerable.Range(0, 24).Select(i => 3 + (i * 37 % 200))];
        using var single = LanguageModel.Load(_folder["single"]);
        using var kernels = LanguageModel.Load(_folder["minima"]);
        using var plain = LanguageModel.Load(_folder["minima"], new() { UseKernels = false });
        var (expected, first, second) = (
            await LogitsAsync(single, ids), await LogitsAsync(kernels, ids), await LogitsAsync(plain, ids));

        output.WriteLine(
            $"{model}: from float {Distance(first, expected):0.000}, from each other {Distance(first, second):0.000}");
        // Random weights amplify what 8-bit inputs round differently.
        Assert.InRange(Distance(first, expected), 0, 0.5);
        Assert.InRange(Distance(first, second), 0, 0.1);
        Assert.Contains(
            Onnx.Serialization.OnnxFile.Read(_folder["minima/model.onnx"]).Graph.Initializers,
            constant => constant.Name == "model.layers.0.mlp.down_proj.weight.minima");
    }

    [Fact]
    public void Quantize_NoMethodNamed_SaysWhichMatricesHaveMinima()
    {
        Export("llama", "single", new ExportOptions());
        var report = PackageQuantizer.Quantize(_folder["single"], _folder["free"], new QuantizeOptions
        {
            Calibration = Calibration(),
            Recipe = [RecipeRule.Parse("down_proj=int4:minima"), RecipeRule.Parse("lm_head=int8")],
        });

        var recipe = report.Manifest.Quantization!;
        Assert.Equal(("gptq", 4, 32), (recipe.Method, recipe.Bits, recipe.BlockSize));
        Assert.Equal("int8:search/32", recipe.Matrices!["lm_head.weight"]);
        Assert.Equal("int4:minima/32", recipe.Matrices["model.layers.0.mlp.down_proj.weight"]);
    }

    /// <summary>More bits leave less divergence, are not exceeded, and rules keep what they name.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("gpt2")]
    [InlineData("mixtral")]
    public async Task Quantize_BitsPerWeight_AreSpentWhereTheModelLosesMost(string model)
    {
        Export(model, "single", new ExportOptions());
        double[] bits = [4.63, 5.2, 7];
        var recipes = Array.ConvertAll(bits, most => PackageQuantizer.Quantize(
            _folder["single"], _folder[$"{most}"],
            new QuantizeOptions { Calibration = Calibration(), BitsPerWeight = most }).Manifest.Quantization!);
        int[] ids = [.. Enumerable.Range(0, 40).Select(index => 3 + (index * 7 % 90))];
        using var single = LanguageModel.Load(_folder["single"]);
        var expected = await LogitsAsync(single, ids);
        List<double> distances = [];
        foreach (var most in bits)
        {
            using var quantized = LanguageModel.Load(_folder[$"{most}"]);
            distances.Add(Distance(expected, await LogitsAsync(quantized, ids)));
        }

        for (var index = 0; index < bits.Length; index++)
        {
            output.WriteLine(
                $"{model}: {recipes[index].BitsPerWeight} bits, {recipes[index].ExpectedDivergence} nats expected, "
                + $"logits {distances[index]:0.000} of their size away");
            Assert.InRange(recipes[index].BitsPerWeight!.Value, 4.6, bits[index] + 0.001);
        }

        Assert.True(recipes[2].BitsPerWeight > recipes[0].BitsPerWeight);
        Assert.True(recipes[2].ExpectedDivergence < 0.8 * recipes[0].ExpectedDivergence);
        Assert.True(distances[2] < distances[0]);
        Assert.Contains("int8:search/32", recipes[2].Matrices!.Values);
    }

    [Fact]
    public void Quantize_BitsThatCannotBeSpent_SaysWhy()
    {
        Export("llama", "single", new ExportOptions());
        Refuse(new() { BitsPerWeight = 4, Calibration = Calibration() },
            "Matrices take 4.625 bits a weight at least; BitsPerWeight is '4'. Set it to 4.63 or more");
        Refuse(new() { BitsPerWeight = 5, Calibration = Calibration(), Method = "hqq" },
            "the method 'hqq' is named for all matrices. Leave BitsPerWeight out.");
        Refuse(new() { BitsPerWeight = 5 }, "no Calibration shows where the model loses most");
        Refuse(new() { BitsPerWeight = 5, Precision = Precision.Int8, Calibration = Calibration() },
            "the precision is neither int4 nor int2");

        void Refuse(QuantizeOptions options, string expected) => Assert.Contains(
            expected, Assert.Throws<ArgumentException>(() => Quantize("single", "none", options)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>Logits that differ by a constant mean the same; the divergence is that of its definition.</summary>
    [Fact]
    public void LogitDivergence_OtherLogits_IsTheMeanOverAllButTheFirstTokens()
    {
        const int rows = 2, tokens = 3, vocabulary = 50;
#pragma warning disable CA5394 // Makes examples, no secret.
        var random = new Random(1);
        float[] p = [.. Enumerable.Range(0, rows * tokens * vocabulary).Select(_ => 6 * random.NextSingle())];
        float[] q = [.. p.Select(logit => logit + 3 + random.NextSingle())];
#pragma warning restore CA5394
        using var expected = Value(p);
        using var same = Value([.. p.Select(logit => logit + 2)]);
        using var other = Value(q);
        LogitDivergence divergence = new(expected);

        Assert.Equal(0, divergence.To(same), 1e-6);
        var definition = Enumerable.Range(0, rows * tokens).Where(token => token % tokens != 0).Average(token =>
        {
            double[] x = LogProbabilities(p, token), y = LogProbabilities(q, token);
            return x.Zip(y, (a, b) => Math.Exp(a) * (a - b)).Sum();
        });
        Assert.InRange(divergence.To(other), definition * (1 - 1e-4), definition * (1 + 1e-4));

        double[] LogProbabilities(float[] logits, int token)
        {
            double[] own = [.. logits.Skip(token * vocabulary).Take(vocabulary)];
            var total = Math.Log(own.Sum(Math.Exp));
            return [.. own.Select(logit => logit - total)];
        }

        OrtValue Value(float[] logits) => OrtValue.CreateTensorValueFromMemory(logits, [rows, tokens, vocabulary]);
    }

    [Fact]
    public void Quantize_Recipe_StoresMatricesAsItSays()
    {
        Export("llama", "single", new ExportOptions());
        Quantize("single", "mixed", new QuantizeOptions
        {
            Method = "rtn",
            Recipe =
            [
                RecipeRule.Parse("lm_head=int8"), RecipeRule.Parse("layers.0=fp16"),
                RecipeRule.Parse("down_proj=int4/16"),
            ],
        });
        var graph = Onnx.Serialization.OnnxFile.Read(_folder["mixed/model.onnx"]).Graph;

        Assert.Contains(graph.Nodes, node => node.Inputs.Contains("lm_head.weight.codes")
            && node.Attributes.Contains(new Onnx.NodeAttribute.Int("bits", 8)));
        Assert.Contains(graph.Nodes, node => node.Inputs.Contains("model.layers.1.mlp.down_proj.weight.codes")
            && node.Attributes.Contains(new Onnx.NodeAttribute.Int("block_size", 16)));
        Assert.Equal(
            Onnx.ElementType.Float16, graph.FindInitializer("model.layers.0.mlp.down_proj.weight")?.Type);

        var exception = Assert.Throws<ArgumentException>(() => Quantize("single", "none", new QuantizeOptions
        {
            Recipe = [RecipeRule.Parse("head=int8")],
        }));
        Assert.StartsWith(
            "The pattern 'head' of the recipe fits no matrix of the model. Its matrices are 'model.embed_tokens.",
            exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Run_SameWeights_UsesTheTextsAgain()
    {
        Export("llama", "single", new ExportOptions());
        Quantize("single", "first", new QuantizeOptions { Calibration = Calibration() });
        var file = Assert.Single(Directory.GetFiles(_folder["cache"]));
        var written = File.GetLastWriteTimeUtc(file);
        Quantize("single", "second", new QuantizeOptions { Calibration = Calibration() });

        Assert.Equal(written, File.GetLastWriteTimeUtc(file));
        Assert.Equal(
            File.ReadAllBytes(_folder["first/model.onnx.data"]), File.ReadAllBytes(_folder["second/model.onnx.data"]));

        // A damaged file is written anew.
        var content = File.ReadAllBytes(file);
        File.WriteAllText(file, "{\"texts\":[[1,2]]}");
        Quantize("single", "third", new QuantizeOptions { Calibration = Calibration() });
        Assert.Equal(content, File.ReadAllBytes(file));
    }

    [Fact]
    public void Quantize_QuantizedPackage_IsRefused()
    {
        Export("llama", "int4", new ExportOptions { Precision = Precision.Int4 });

        var exception = Assert.Throws<NotSupportedException>(() => Quantize("int4", "again", new QuantizeOptions()));

        Assert.EndsWith(
            "holds no float matrices: it is quantized already. Quantize the package or checkpoint that it was made "
            + "from.",
            exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_MethodThatMustSeeTheModel_SaysSoWithoutCalibration()
    {
        var exception = Assert.Throws<ArgumentException>(() => Export(
            "llama", "none", new ExportOptions { Precision = Precision.Int4, Method = "gptq" }));

        Assert.StartsWith(
            "The method 'gptq' must see what the model computes. Set Calibration, or use 'slipway export --method ",
            exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetDirectories(_folder["."]));
    }

    [Fact]
    public void Run_ShortText_SaysHowLongItMustBe()
    {
        Export("llama", "single", new ExportOptions());
        File.WriteAllBytes(
            _folder["single/tokenizer.json"],
            new Tokenization.Training.BpeTrainer(new() { VocabularySize = 256 }).Train(["text"]));
        File.Delete(_folder["single/slipway.json"]);

        var exception = Assert.Throws<ArgumentException>(() => Quantize("single", "short", new QuantizeOptions
        {
            Calibration = new ModelCalibration(new CalibrationOptions { Text = "too short", TokensPerText = 24 }),
        }));

        Assert.StartsWith(
            "The calibration text has '9' tokens; one part of it has '24'. Give a longer text", exception.Message,
            StringComparison.Ordinal);
    }

    private static double Distance(float[] x, float[] y) =>
        Math.Sqrt(x.Zip(y, (a, b) => (double)(a - b) * (a - b)).Sum() / y.Sum(b => (double)b * b));

    private static async Task<float[]> LogitsAsync(LanguageModel model, int[] ids)
    {
        var logits = await model.ForwardAsync(ids, TestContext.Current.CancellationToken);
        return [.. Enumerable.Range(0, ids.Length).SelectMany(position => logits[position].ToArray())];
    }

    private string[] Nodes(string package) =>
    [
        .. Onnx.Serialization.OnnxFile.Read(_folder[$"{package}/model.onnx"]).Graph.Nodes.Select(node =>
            $"{node.Name} {node.OpType} {string.Join(' ', node.Inputs)} -> {string.Join(' ', node.Outputs)}"),
    ];

    private Dictionary<string, string> Constants(string package)
    {
        var graph = Onnx.Serialization.OnnxFile.Read(_folder[$"{package}/model.onnx"]).Graph;
        using var data = File.OpenRead(_folder[$"{package}/model.onnx.data"]);
        return graph.Initializers.Where(constant => constant.Data is Onnx.TensorData.External).ToDictionary(
            constant => constant.Name, constant =>
            {
                var place = (Onnx.TensorData.External)constant.Data;
                var bytes = new byte[place.Count];
                data.Position = place.Offset;
                data.ReadExactly(bytes);
                return Convert.ToHexString(System.Security.Cryptography.SHA256.HashData(bytes));
            });
    }

    private void Export(string model, string target, ExportOptions options)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));
        Exporter.Export(checkpoint, _folder[target], options);
    }

    private void Quantize(string package, string target, QuantizeOptions options) =>
        PackageQuantizer.Quantize(_folder[package], _folder[target], options);

    private ModelCalibration Calibration(int texts = 24) => new(new CalibrationOptions
    {
        Texts = texts, TokensPerText = 32, CacheFolder = _folder["cache"],
    });
}
