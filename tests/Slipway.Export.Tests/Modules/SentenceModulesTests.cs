using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Checkpoints.Tests.PyTorch;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Modules;

public sealed class SentenceModulesTests(ITestOutputHelper output) : IDisposable
{
    private const int Size = 64;
    private const int Length = 6;

    // Of three texts the second is padded, and the third has one token.
    private static readonly long[] Ids = [1, 20, 30, 40, 50, 2, 1, 60, 70, 2, 0, 0, 9, 0, 0, 0, 0, 0];
    private static readonly long[] Mask = [1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0];

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"pooling_mode": "cls"}""", "cls")]
    [InlineData("""{"pooling_mode": "max"}""", "max")]
    [InlineData("""{"pooling_mode": "mean"}""", "mean")]
    [InlineData("""{"pooling_mode": "mean_sqrt_len_tokens"}""", "root")]
    [InlineData("""{"pooling_mode": "weightedmean"}""", "weighted")]
    [InlineData("""{"pooling_mode": "lasttoken"}""", "last")]
    [InlineData("""{"pooling_mode": ["mean", "cls"]}""", "mean cls")]
    [InlineData("""{"pooling_mode": "cls+lasttoken"}""", "cls last")]
    [InlineData("""{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}""", "cls")]
    [InlineData("""{"pooling_mode_cls_token": true}""", "cls mean")]
    [InlineData("{}", "mean")]
    [InlineData(
        """{"pooling_mode_mean_tokens": true, "pooling_mode_max_tokens": true, "pooling_mode_cls_token": true}""",
        "cls max mean")]
    [InlineData(
        """{"pooling_mode_lasttoken": true, "pooling_mode_weightedmean_tokens": true, "pooling_mode_mean_tokens": false}""",
        "weighted last")]
    [InlineData("""{"pooling_mode_mean_sqrt_len_tokens": true, "pooling_mode_mean_tokens": false}""", "root")]
    public void Export_Pooling_IsWhatItsWordsSay(string pooling, string modes)
    {
        Export(pooling);
        var outputs = Run();
        var hidden = outputs["last_hidden_state"];
        float[] expected = [.. Enumerable.Range(0, 3).SelectMany(
            row => modes.Split(' ').SelectMany(mode => Pool(hidden, row, mode, Tokens(row))))];
        var max = DecoderParityTests.Difference(outputs["sentence_embedding"], expected);
        output.WriteLine($"{pooling}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-5f);
    }

    [Theory]
    [InlineData("mean", "mean")]
    [InlineData("max", "max")]
    [InlineData("lasttoken", "last")]
    [InlineData("weightedmean", "weighted")]
    [InlineData("cls", "cls")]
    public void Export_PromptLeftOutOfPooling_CountsTheRest(string name, string mode)
    {
        Export($$"""{"pooling_mode": "{{name}}", "include_prompt": false}""");
        using EncoderRunner runner = new(_folder["package"]);
        var hidden = runner.Run(3, Ids, Mask)["last_hidden_state"];
        foreach (var prompt in (int[])[0, 2])
        {
            var actual = runner.Run(3, Ids, Mask, promptLength: prompt)["sentence_embedding"];
            for (var row = 0; row < 2; row++)
            {
                int[] tokens = mode == "cls" ? [0] : [.. Tokens(row).Where(token => token >= prompt)];
                var max = DecoderParityTests.Difference(
                    actual[(row * Size)..((row + 1) * Size)], [.. Pool(hidden, row, mode, tokens)]);
                Assert.InRange(max, 0, 1e-5f);
            }
        }
    }

    [Theory]
    [InlineData("torch.nn.modules.activation.Tanh", "model.safetensors", true)]
    [InlineData("torch.nn.modules.linear.Identity", "model.safetensors", false)]
    [InlineData("torch.nn.modules.activation.ReLU", "model.safetensors", true)]
    [InlineData("torch.nn.modules.activation.GELU", "model.safetensors", true)]
    [InlineData("torch.nn.modules.activation.SiLU", "model.safetensors", true)]
    [InlineData("torch.nn.modules.activation.Sigmoid", "pytorch_model.bin", false)]
    public void Export_DenseModules_ComeInTheirOrder(string activation, string file, bool bias)
    {
        // Two layers, and the length 1 between them.
        float[] first = Weights(10 * Size, 1), second = Weights(3 * 10, 2), added = Weights(10, 3);
        WriteDense("2_Dense", file, first, 10, Size, bias ? added : null, activation);
        WriteDense("4_Dense", file, second, 3, 10, null, "torch.nn.modules.linear.Identity");
        Export("""{"pooling_mode": "mean"}""", "2_Dense:Dense", "3_Normalize:Normalize", "4_Dense:Dense", "5:Dropout");
        var outputs = Run();
        List<float> expected = [];
        for (var row = 0; row < 3; row++)
        {
            double[] pooled = [
                .. Pool(outputs["last_hidden_state"], row, "mean", Tokens(row)).Select(value => (double)value)];
            double[] middle = [.. Enumerable.Range(0, 10).Select(i => Activate(
                activation.Split('.')[^1], Dot(first, i, pooled) + (bias ? added[i] : 0)))];
            var norm = Math.Sqrt(middle.Sum(value => value * value));
            double[] unit = [.. middle.Select(value => value / norm)];
            expected.AddRange(Enumerable.Range(0, 3).Select(i => (float)Dot(second, i, unit)));
        }

        var max = DecoderParityTests.Difference(outputs["sentence_embedding"], [.. expected]);
        output.WriteLine($"{activation} {file}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-5f);
    }

    [Theory]
    [InlineData(Size)]
    [InlineData(5)]
    public void Export_DenseModuleWithAResidual_AddsWhatItReads(int outputs)
    {
        float[] weight = Weights(outputs * Size, 1), residual = Weights(outputs * Size, 2);
        Directory.CreateDirectory(_folder["source/2_Dense"]);
        File.WriteAllText(
            _folder["source/2_Dense/config.json"],
            $$"""
            {"in_features": {{Size}}, "out_features": {{outputs}}, "bias": false, "use_residual": true,
             "activation_function": "torch.nn.modules.activation.Tanh"}
            """);
        SafetensorsWriter.Write(
            _folder["source/2_Dense/model.safetensors"],
            [
                SafetensorsEntry.From("linear.weight", weight, outputs, Size),
                SafetensorsEntry.From("residual.weight", residual, outputs, Size),
            ]);
        Export("""{"pooling_mode": "mean"}""", "2_Dense:Dense");
        var result = Run();
        List<float> expected = [];
        for (var row = 0; row < 3; row++)
        {
            double[] pooled = [
                .. Pool(result["last_hidden_state"], row, "mean", Tokens(row)).Select(value => (double)value)];
            expected.AddRange(Enumerable.Range(0, outputs).Select(i => (float)(
                Math.Tanh(Dot(weight, i, pooled)) + (outputs == Size ? pooled[i] : Dot(residual, i, pooled)))));
        }

        Assert.InRange(DecoderParityTests.Difference(result["sentence_embedding"], [.. expected]), 0, 1e-5f);
    }

    [Fact]
    public void Export_LayerNormModule_NormsTheVector()
    {
        Directory.CreateDirectory(_folder["source/2_LayerNorm"]);
        float[] weight = Weights(Size, 4), bias = Weights(Size, 5);
        SafetensorsWriter.Write(
            _folder["source/2_LayerNorm/model.safetensors"],
            [SafetensorsEntry.From("norm.weight", weight, Size), SafetensorsEntry.From("norm.bias", bias, Size)]);
        Export("""{"pooling_mode": "cls"}""", "2_LayerNorm:LayerNorm");
        var outputs = Run();
        float[] pooled = [.. Pool(outputs["last_hidden_state"], 1, "cls", [])];
        var (mean, square) = (pooled.Average(), pooled.Average(value => value * value));
        float[] expected = [.. pooled.Select((value, i) =>
            ((value - mean) / MathF.Sqrt(square - (mean * mean) + 1e-5f) * weight[i]) + bias[i])];
        Assert.InRange(
            DecoderParityTests.Difference(outputs["sentence_embedding"][Size..(2 * Size)], expected), 0, 1e-4f);
    }

    [Fact]
    public void Export_TransformerAlone_HasTheModelsOwnOutputs()
    {
        Export(pooling: null);
        Assert.Equal(["last_hidden_state", "pooler_output"], Run().Keys.Order());
    }

    [Theory]
    [InlineData("""{"pooling_mode": "median"}""", "2:Normalize",
        "'pooling_mode' in the configuration of '{0} (1_Pooling/config.json)' is 'median', which cannot be exported; "
        + "expected one of "
        + "'cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'.")]
    [InlineData("""{"pooling_mode_mean_tokens": false}""", "2:Normalize",
        "'pooling_mode' in the configuration of '{0} (1_Pooling/config.json)' is 'missing'; expected one of "
        + "'cls', 'max', 'mean', 'mean_sqrt_len_tokens', 'weightedmean', 'lasttoken'.")]
    [InlineData("""{"pooling_mode_median": true}""", "2:Normalize",
        "'pooling_mode_median' in the configuration of '{0} (1_Pooling/config.json)' is 'true', which cannot be "
        + "exported; expected "
        + "'false'.")]
    [InlineData("""{"pooling_mode": "mean"}""", "2:CNN",
        "'type' in the configuration of '{0} (modules.json)' is 'sentence_transformers.models.CNN', which cannot be "
        + "exported; "
        + "expected a module 'Transformer', 'Dropout', 'Pooling', 'Dense', 'LayerNorm', 'Normalize', 'LogitScore'.")]
    [InlineData("""{"pooling_mode": "mean"}""", "2_Dense:Dense",
        "'2_Dense/config.json' of '{0}' does not hold a file. Correct it, or copy the whole folder of the model, "
        + "with its subfolders.")]
    [InlineData("""{"pooling_mode": "mean"}""", "../x:Dense",
        "'../x/config.json' is no name of a file below '{0}'; 'modules.json' gives it to "
        + "'sentence_transformers.models.Dense'. "
        + "Give the module a folder of its own there.")]
    [InlineData(null, "2:Normalize",
        "A module of '{0}' reads 'sentence_embedding', which no module before it makes; there is 'token_embeddings'. "
        + "Correct the "
        + "modules' order in 'modules.json'.")]
    public void Export_ModuleThatCannotBe_NamesFileAndValue(string? pooling, string module, string expected)
    {
        var error = Assert.ThrowsAny<Exception>(() => Export(pooling, module));
        Assert.True(error is CheckpointException or NotSupportedException);
        Assert.Equal(expected.Replace("{0}", _folder["source"], StringComparison.Ordinal), error.Message);
    }

    [Theory]
    [InlineData("""{"in_features": 32, "out_features": 4}""",
        "'in_features' in the configuration of '{0} (2_Dense/config.json)' is "
        + "'32'; expected 64, the size of 'sentence_embedding'.")]
    [InlineData("""{"in_features": 64, "out_features": 4, "activation_function": "torch.nn.Threshold"}""",
        "'activation_function' in the configuration of '{0} (2_Dense/config.json)' is 'torch.nn.Threshold', which "
        + "cannot be "
        + "exported; expected 'torch.nn.modules.activation.Identity', 'torch.nn.modules.activation.Tanh', "
        + "'torch.nn.modules.activation.GELU', 'torch.nn.modules.activation.ReLU', 'torch.nn.modules.activation.SiLU', "
        + "'torch.nn.modules.activation.Sigmoid'.")]
    [InlineData("""{"in_features": 64, "out_features": 4}""", "The module '2_Dense' of '{0}' has no weights; expected "
        + "'2_Dense/model.safetensors' or '2_Dense/pytorch_model.bin'. Copy the whole folder of the model, with its "
        + "subfolders.")]
    public void Export_DenseModuleThatCannotBe_NamesFileAndValue(string config, string expected)
    {
        Directory.CreateDirectory(_folder["source/2_Dense"]);
        File.WriteAllText(_folder["source/2_Dense/config.json"], config);
        var error = Assert.ThrowsAny<Exception>(() => Export("""{"pooling_mode": "mean"}""", "2_Dense:Dense"));
        Assert.Equal(expected.Replace("{0}", _folder["source"], StringComparison.Ordinal), error.Message);
    }

    private static IEnumerable<int> Tokens(int row) =>
        Enumerable.Range(0, Length).Where(token => Mask[(row * Length) + token] == 1);

    private static IEnumerable<float> Pool(float[] hidden, int row, string mode, IEnumerable<int> tokens)
    {
        int[] seen = [.. tokens];
        return Enumerable.Range(0, Size).Select(i =>
        {
            return (float)(mode switch
            {
                "cls" => At(0),
                "max" => seen.Max(At),
                "mean" => seen.Sum(At) / seen.Length,
                "root" => seen.Sum(At) / Math.Sqrt(seen.Length),
                "weighted" => seen.Sum(token => (token + 1) * At(token)) / seen.Sum(token => token + 1),
                "last" => At(seen[^1]),
                _ => throw new ArgumentException(mode, nameof(mode)),
            });

            double At(int token) => hidden[(((row * Length) + token) * Size) + i];
        });
    }

    private static double Dot(float[] matrix, int row, double[] vector) =>
        vector.Select((value, i) => matrix[(row * vector.Length) + i] * value).Sum();

    private static double Activate(string name, double x) => name switch
    {
        "Tanh" => Math.Tanh(x),
        "Identity" => x,
        "ReLU" => Math.Max(x, 0),
        "SiLU" => x / (1 + Math.Exp(-x)),
        "Sigmoid" => 1 / (1 + Math.Exp(-x)),
        "GELU" => x * Normal(x),
        _ => throw new ArgumentException(name, nameof(name)),
    };

    // The normal distribution's share below x, by Simpson's rule from 0.
    private static double Normal(double x)
    {
        const int steps = 1000;
        var sum = Enumerable.Range(0, steps + 1).Sum(i =>
            (i is 0 or steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-Math.Pow(x * i / steps, 2) / 2));
        return 0.5 + (x / steps / 3 * sum / Math.Sqrt(2 * Math.PI));
    }

    private static float[] Weights(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) / 2)];
    }

    private void WriteDense(
        string name, string file, float[] weight, int outputs, int inputs, float[]? bias, string activation)
    {
        Directory.CreateDirectory(_folder[$"source/{name}"]);
        File.WriteAllText(_folder[$"source/{name}/config.json"], new JsonObject
        {
            ["in_features"] = inputs,
            ["out_features"] = outputs,
            ["bias"] = bias is not null,
            ["activation_function"] = activation,
        }.ToJsonString());
        var path = _folder[$"source/{name}/{file}"];
        if (file.EndsWith(".bin", StringComparison.Ordinal))
        {
            var bytes = MemoryMarshal.AsBytes(weight.AsSpan()).ToArray();
            File.WriteAllBytes(path, new TorchZip()
                .Add("linear.weight", "FloatStorage", [outputs, inputs], bytes, sizeof(float)).Build());
            return;
        }

        SafetensorsWriter.Write(path,
        [
            SafetensorsEntry.From("linear.weight", weight, outputs, inputs),
            .. bias is null ? [] : (SafetensorsEntry[])[SafetensorsEntry.From("linear.bias", bias, outputs)],
        ]);
    }

    // Tiny BERT as a sentence-embedding model of the modules NAME:TYPE after its pooling.
    private void Export(string? pooling, params string[] modules)
    {
        var source = SharedAssets.Path("tiny", "bert");
        Directory.CreateDirectory(_folder["source"]);
        foreach (var file in (string[])["config.json", "model.safetensors"])
        {
            File.Copy(Path.Combine(source, file), Path.Combine(_folder["source"], file));
        }

        List<(string Path, string Type)> all = [("", "Transformer")];
        if (pooling is not null)
        {
            Directory.CreateDirectory(_folder["source/1_Pooling"]);
            File.WriteAllText(_folder["source/1_Pooling/config.json"], pooling);
            all.Add(("1_Pooling", "Pooling"));
        }

        all.AddRange(modules.Select(module => (module.Split(':')[0], module.Split(':')[1])));
        JsonArray list = [.. all.Select((module, index) => new JsonObject
        {
            ["idx"] = index,
            ["name"] = $"{index}",
            ["path"] = module.Path,
            ["type"] = $"sentence_transformers.models.{module.Type}",
        })];
        File.WriteAllText(_folder["source/modules.json"], list.ToJsonString());
        using var checkpoint = Checkpoint.Open(_folder["source"]);
        Exporter.Export(checkpoint, _folder["package"]);
    }

    private Dictionary<string, float[]> Run()
    {
        using EncoderRunner runner = new(_folder["package"]);
        return runner.Run(3, Ids, Mask);
    }
}
