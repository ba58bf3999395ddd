using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Testing;

namespace Slipway.Export.Tests;

public sealed class ExporterTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(Precision.Float16, 1e-3)]
    [InlineData(Precision.Int8, 0.1)]
    [InlineData(Precision.Int4, 0.7)]
    public void Export_NarrowerPrecision_StaysNearFloat32(Precision precision, double tolerance)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama3-rope"));
        Exporter.Export(checkpoint, _folder["full"]);
        var report = Exporter.Export(
            checkpoint, _folder["narrow"], new ExportOptions { Precision = precision });
        int[] ids = [3, 141, 59, 26, 53, 58, 97, 93];
        using DecoderRunner full = new(_folder["full"]), narrow = new(_folder["narrow"]);
        var expected = full.Run(ids);
        var error = Math.Sqrt(expected.Zip(narrow.Run(ids), (x, y) => (double)(x - y) * (x - y)).Sum()
            / expected.Sum(x => (double)x * x));
        output.WriteLine($"{precision}: error {error:0.0e+0} of the logits' size, {report.Bytes} bytes");
        Assert.InRange(error, 0, tolerance);
        Assert.Equal(Precisions.NameOf(precision), report.Manifest.Precision);
        Assert.True(new FileInfo(Path.Combine(_folder["narrow"], "model.onnx.data")).Length
            < new FileInfo(Path.Combine(_folder["full"], "model.onnx.data")).Length);
    }

    [Fact]
    public void Export_TiedHeadInInt4_StoresTheTableOnce()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama-tied-bias"));
        Exporter.Export(checkpoint, _folder["package"], new ExportOptions { Precision = Precision.Int4 });
        var graph = OnnxFile.Read(Path.Combine(_folder["package"], "model.onnx")).Graph;
        var gather = Assert.Single(graph.Nodes, node => node.OpType == "GatherBlockQuantized");
        var head = graph.Nodes.Single(node => node.Outputs.Contains("logits"));
        Assert.Equal(graph.FindInitializer(gather.Inputs[0])!.Data, graph.FindInitializer(head.Inputs[1])!.Data);
        Assert.Equal(gather.Inputs[2], head.Inputs[2]);
    }

    [Fact]
    public void Export_KeptPosition_HasTheLogitsOfTheWhole()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["package"]);
        int[] ids = [5, 6, 7, 8, 9];
        using DecoderRunner whole = new(_folder["package"]), last = new(_folder["package"]);
        float[] logits = whole.Run(ids), kept = last.Run(ids, keep: 2);
        Assert.Equal(2 * whole.VocabularySize, kept.Length);
        Assert.Equal(logits[(3 * whole.VocabularySize)..], kept);
    }

    [Fact]
    public void Export_Package_SaysWhatItsMakersSaid()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "qwen3"));
        var report = Exporter.Export(
            checkpoint, _folder["package"],
            new ExportOptions { Precision = Precision.Int4, Method = "rtn", ContextLength = 100 });
        var package = ModelPackage.Open(_folder["package"], PackageVerification.Full);
        Assert.Equal("qwen3", package.Config.Model.Type);
        Assert.Equal((256, 100, 32), (
            package.Config.Model.VocabSize, package.Config.Model.ContextLength, package.Config.Model.Decoder.HeadSize));
        Assert.Equal([2], package.Config.Model.EosTokenId);
        Assert.Equal(("rtn", 4, 32), (
            package.Manifest!.Quantization!.Method, package.Manifest.Quantization.Bits,
            package.Manifest.Quantization.BlockSize));
        Assert.Equal("safetensors", package.Manifest.SourceFormat);
        Assert.True(report.PeakMemoryBytes > 0);
        Assert.Empty(report.UnusedTensors);
    }

    [Fact]
    public void Export_Twice_GivesTheSameBytes()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "qwen2"));
        ExportOptions options = new() { Precision = Precision.Int4 };
        var first = Exporter.Export(checkpoint, _folder["a"], options);
        var second = Exporter.Export(checkpoint, _folder["b"], options);
        Assert.Equal(
            first.Manifest.Files.Select(file => (file.Name, file.Sha256)),
            second.Manifest.Files.Select(file => (file.Name, file.Sha256)));
    }

    [Fact]
    public void Export_FolderThatExists_IsKeptUnlessAllowed()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        Exporter.Export(checkpoint, _folder["package"]);
        var before = File.ReadAllBytes(Path.Combine(_folder["package"], "slipway.json"));
        Assert.Throws<IOException>(() => Exporter.Export(checkpoint, _folder["package"]));
        Assert.Equal(before, File.ReadAllBytes(Path.Combine(_folder["package"], "slipway.json")));
        Exporter.Export(
            checkpoint, _folder["package"], new ExportOptions { Precision = Precision.Float16, Overwrite = true });
        Assert.NotEqual(before, File.ReadAllBytes(Path.Combine(_folder["package"], "slipway.json")));
    }

    [Fact]
    public void Export_Cancelled_LeavesNothing()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        using CancellationTokenSource stop = new();
        Assert.Throws<OperationCanceledException>(() => Exporter.Export(
            checkpoint, _folder["package"], null,
            new Callback(step => { if (step.Done > step.Total / 2) { stop.Cancel(); } }),
            stop.Token));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    [Fact]
    public void Export_Progress_RisesToTheWhole()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        List<ExportProgress> steps = [];
        Exporter.Export(checkpoint, _folder["package"], null, new Callback(steps.Add));
        Assert.Equal(steps.Select(step => step.Done).Order(), steps.Select(step => step.Done));
        Assert.Equal(steps[^1].Total, steps[^1].Done);
    }

    [Fact]
    public void Export_TensorThatIsMissing_IsNamed()
    {
        var source = Copy("llama", tensors => tensors.Remove("model.norm.weight"));
        var exception = Refused(source);
        Assert.Equal("model.norm.weight", exception.Tensor);
        Assert.Contains(
            "lacks the tensor 'model.norm.weight' of shape [64]", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_TensorThatIsLeftOver_IsToldOrRefusedWhereStrict()
    {
        var source = Copy("llama", tensors =>
        {
            tensors["model.extra.weight"] = SafetensorsEntry.From("model.extra.weight", new float[4], 4);
            const string frequencies = "model.layers.0.self_attn.rotary_emb.inv_freq";
            tensors[frequencies] = SafetensorsEntry.From(frequencies, new float[8], 8);
        });
        var exception = Refused(source, new ExportOptions { Strict = true });
        Assert.Equal(
            $"The checkpoint '{source}' holds 1 tensors that 'LlamaForCausalLM' has no place for: "
            + "'model.extra.weight'. Where they belong to the model, its configuration names another architecture or "
            + "other sizes; where the model is to go without them, export it without Strict "
            + "('--strict').", exception.Message);
        Assert.Equal("model.extra.weight", exception.Tensor);

        using var checkpoint = Checkpoint.Open(source);
        var report = Exporter.Export(checkpoint, _folder["package"]);
        Assert.Equal(
            ["model.extra.weight", "model.layers.0.self_attn.rotary_emb.inv_freq"], report.UnusedTensors);
    }

    [Theory]
    [InlineData("vocab_size", 300, "'model.embed_tokens.weight'", "[256, 64]", "[300, 64]")]
    [InlineData("intermediate_size", 64, "'model.layers.0.mlp.gate_proj.weight'", "[96, 64]", "[64, 64]")]
    [InlineData("head_dim", 32, "'model.layers.0.self_attn.q_proj.weight'", "[64, 64]", "[128, 64]")]
    public void Export_ConfigurationThatContradictsTensors_NamesTensorAndShapes(
        string key, int value, string tensor, string actual, string expected)
    {
        var source = Copy("llama", config: config => config[key] = value);
        var exception = Refused(source);
        Assert.Contains(tensor, exception.Message, StringComparison.Ordinal);
        Assert.Contains($"has the shape {actual}; its configuration calls for {expected}", exception.Message,
            StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("num_attention_heads", "three", "'num_attention_heads' in the configuration of")]
    [InlineData("num_attention_heads", -4, "'num_attention_heads' in the configuration of")]
    [InlineData("num_key_value_heads", 3, "expected a divisor of 'num_attention_heads', 4.")]
    [InlineData("hidden_size", 1e12, "expected a whole number from 1 to 268435456.")]
    [InlineData("rms_norm_eps", "small", "expected a number.")]
    public void Export_ConfigurationValueOfNoUse_NamesTheKey(string key, object value, string words)
    {
        var source = Copy("llama", config: config => config[key] = value switch
        {
            string text => JsonValue.Create(text),
            int number => JsonValue.Create(number),
            double number => JsonValue.Create(number),
            _ => null,
        });
        Assert.Contains(words, Refused(source).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("architectures", "[\"MysteryForCausalLM\"]", "'architectures'", "'LlamaForCausalLM'")]
    [InlineData("hidden_act", "\"swoosh\"", "'hidden_act'", "'silu'")]
    [InlineData("rope_parameters", "{\"rope_type\": \"spiral\", \"rope_theta\": 10000.0}",
        "'rope_parameters.rope_type'", "'llama3'")]
    public void Export_ConfigurationThatIsUnknown_NamesKeyValueAndChoices(
        string key, string json, string name, string choice)
    {
        var source = Copy("llama", config: config => config[key] = JsonNode.Parse(json));
        using var checkpoint = Checkpoint.Open(source);
        var exception = Assert.Throws<NotSupportedException>(
            () => Exporter.Export(checkpoint, _folder["package"]));
        Assert.Contains(name, exception.Message, StringComparison.Ordinal);
        Assert.Contains(choice, exception.Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folder["package"]));
    }

    [Theory]
    [InlineData(float.NaN, Precision.Int4, "cannot be quantized")]
    [InlineData(float.NaN, Precision.Float16, "holds a weight that is 'NaN', not a finite number")]
    [InlineData(float.NegativeInfinity, Precision.Float16, "holds a weight that is 'Infinity', not a finite number")]
    [InlineData(float.NaN, Precision.Float32, "holds a weight that is 'NaN', not a finite number")]
    public void Export_WeightThatThePrecisionCannotHold_NamesTheTensor(float value, Precision precision, string words)
    {
        var weight = new float[64 * 64];
        weight[70] = value;
        const string name = "model.layers.1.self_attn.o_proj.weight";
        var source = Copy("llama", tensors => tensors[name] = SafetensorsEntry.From(name, weight, 64, 64));
        var exception = Refused(source, new ExportOptions { Precision = precision });
        Assert.Equal(name, exception.Tensor);
        Assert.Contains(words, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, "NaN", Precision.Float32)]
    [InlineData(float.NegativeInfinity, "-Infinity", Precision.Int4)]
    public void Export_NormThatIsNoNumber_NamesTheTensor(float value, string text, Precision precision)
    {
        var weight = new float[64];
        weight[7] = value;
        const string name = "model.layers.2.input_layernorm.weight";
        var source = Copy("llama", tensors => tensors[name] = SafetensorsEntry.From(name, weight, 64));
        var exception = Refused(source, new ExportOptions { Precision = precision });
        Assert.Equal(name, exception.Tensor);
        Assert.Equal(
            $"Tensor '{name}' of '{source}' holds a number that is '{text}', not a finite one: the checkpoint is "
            + "damaged or its training diverged.", exception.Message);
    }

    [Theory]
    [InlineData("model.layers.1.self_attn.o_proj.weight", 64)]
    [InlineData("model.embed_tokens.weight", 256)]
    public void Export_WeightThatOverflowsHalfPrecision_KeepsItsMatrixInSingle(string name, int rows)
    {
        var source = Copy("llama", tensors =>
        {
            var weight = new float[rows * 64];
            Random random = new(1);
            Array.ForEach([.. Enumerable.Range(0, weight.Length)], index => weight[index] = random.NextSingle() - 0.5f);
            weight[70] = -1e6f;
            tensors[name] = SafetensorsEntry.From(name, weight, rows, 64);
        });
        using var checkpoint = Checkpoint.Open(source);
        Exporter.Export(checkpoint, _folder["single"]);
        var report = Exporter.Export(checkpoint, _folder["half"], new ExportOptions { Precision = Precision.Float16 });

        Assert.Equal(
            [$"'{name}' stays in fp32: its largest weight is 1000000, which half precision cannot express."],
            report.Warnings);
        var graph = OnnxFile.Read(_folder["half/model.onnx"]).Graph;
        Assert.Equal(
            [name], graph.Initializers.Where(constant => constant.Shape.Count == 2
                && constant.Name.StartsWith("model.", StringComparison.Ordinal)
                && constant.Type == ElementType.Float32 && constant.Name.EndsWith(".weight", StringComparison.Ordinal))
                .Select(constant => constant.Name));
        using DecoderRunner single = new(_folder["single"]), half = new(_folder["half"]);
        var (expected, actual) = (single.Run([3, 1, 4, 1, 5]), half.Run([3, 1, 4, 1, 5]));
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 0.05f));
    }

    [Theory]
    [InlineData(24, null, null, "The block size must be 16, 32, 64, 128 or 256.")]
    [InlineData(32, "magic", null, "There is no quantization method 'magic'. Choose one of")]
    [InlineData(32, null, 4096, "The context length 4096 is not between 1 and the 128 positions")]
    public void Export_OptionThatDoesNotFit_IsNamed(int blockSize, string? method, int? context, string words)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        ExportOptions options = new()
        {
            Precision = Precision.Int4,
            BlockSize = blockSize,
            Method = method,
            ContextLength = context,
        };
        var exception = Assert.ThrowsAny<ArgumentException>(
            () => Exporter.Export(checkpoint, _folder["package"], options));
        Assert.StartsWith(words, exception.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder.Path));
    }

    private CheckpointException Refused(string source, ExportOptions? options = null)
    {
        using var checkpoint = Checkpoint.Open(source);
        var exception = Assert.ThrowsAny<CheckpointException>(
            () => Exporter.Export(checkpoint, _folder["package"], options));
        Assert.False(Directory.Exists(_folder["package"]));
        Assert.DoesNotContain(
            Directory.EnumerateDirectories(_folder.Path), name => name.Contains("partial", StringComparison.Ordinal));
        return exception;
    }

    // A checkpoint of tiny/ with other tensors or another configuration.
    private string Copy(
        string name, Action<Dictionary<string, SafetensorsEntry>>? tensors = null, Action<JsonObject>? config = null)
    {
        using var source = Checkpoint.Open(SharedAssets.Path("tiny", name));
        Dictionary<string, SafetensorsEntry> entries = [];
        foreach (var tensor in source.Tensors.Values)
        {
            var values = new float[tensor.Count];
            source.ReadFloats(tensor.Name, 0, values);
            entries.Add(tensor.Name, SafetensorsEntry.From(tensor.Name, values, [.. tensor.Shape]));
        }

        tensors?.Invoke(entries);
        var json = source.Config.DeepClone().AsObject();
        config?.Invoke(json);
        var folder = _folder["source"];
        Directory.CreateDirectory(folder);
        SafetensorsWriter.Write(Path.Combine(folder, "model.safetensors"), [.. entries.Values]);
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString());
        return folder;
    }

    private sealed class Callback(Action<ExportProgress> report) : IProgress<ExportProgress>
    {
        public void Report(ExportProgress value) => report(value);
    }
}
