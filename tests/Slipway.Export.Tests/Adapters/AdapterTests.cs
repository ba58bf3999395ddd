using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Export.Tests.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Adapters;

public sealed class AdapterTests(ITestOutputHelper output)
{
    private static readonly string[] Names = ["all-linear", "attention"];

    [Fact]
    public async Task Forward_AdaptersBesideTheModel_EqualTheReference()
    {
        using TemporaryFolder folder = new();
        using var expected = Export(folder["package"], Precision.Float32);
        using var model = LanguageModel.Load(folder["package"]);
        Assert.Equal(Names, model.Adapters);
        var ids = DecoderParityTests.Ints(expected, "input_ids");
        foreach (var name in (string?[])[null, "attention", "all-linear", null, "attention"])
        {
            var logits = await model.ForwardAsync(ids, name, TestContext.Current.CancellationToken);
            var max = DecoderParityTests.Difference(
                logits.Memory.ToArray(), DecoderParityTests.Floats(expected, $"logits.{name ?? "base"}"));
            output.WriteLine($"{name ?? "the model alone"}: largest difference {max:0.0e+0}");
            Assert.InRange(max, 0, 1e-4f);
        }
    }

    [Theory]
    [InlineData(Precision.Float32)]
    [InlineData(Precision.Int4)]
    public async Task Generate_DifferentAdaptersInOneBatch_GivesTheTokensOfEachAlone(Precision precision)
    {
        using TemporaryFolder folder = new();
        using var expected = Export(folder["package"], precision);
        var ids = DecoderParityTests.Ints(expected, "input_ids");
        string?[] names = [null, "attention", "all-linear"];
        using var model = LanguageModel.Load(
            folder["package"], new LanguageModelOptions { MaxPrefillTokens = 5, MaxMixedPrefillTokens = 3 });
        List<int[]> alone = [];
        foreach (var name in names)
        {
            alone.Add(await AnswerAsync(model, ids, name));
        }

        Assert.Equal(3, alone.Select(answer => string.Join(' ', answer)).Distinct().Count());
        if (precision == Precision.Float32)
        {
            Assert.Equal(DecoderParityTests.Ints(expected, "greedy.attention"), alone[1]);
            Assert.Equal(DecoderParityTests.Ints(expected, "greedy.all-linear"), alone[2]);
        }

        // The rows that come and go change which adapters run side by side.
        for (var round = 0; round < 3; round++)
        {
            var together = await Task.WhenAll(Enumerable.Range(0, 7)
                .Select(index => AnswerAsync(model, ids, names[(index + round) % 3])));
            Assert.Equal([.. Enumerable.Range(0, 7).Select(index => alone[(index + round) % 3])], together);
        }
    }

    [Fact]
    public void Run_PackageWithAdaptersOnPlainOnnxRuntime_IsTheModelAlone()
    {
        using TemporaryFolder folder = new();
        using var expected = Export(folder["package"], Precision.Float32);
        using DecoderRunner runner = new(folder["package"]);
        var max = DecoderParityTests.Difference(
            runner.Run(DecoderParityTests.Ints(expected, "input_ids")),
            DecoderParityTests.Floats(expected, "logits.base"));
        output.WriteLine($"largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-4f);
    }

    /// <summary>Rows that widen a head are zeros, in an adapter's product too.</summary>
    [Fact]
    public async Task Forward_AdapterOfWidenedHeads_EqualsTheSumOfBothMatrices()
    {
        using TemporaryFolder folder = new();
        var merged = EditedCheckpoint.Read(SharedAssets.Path("tiny", "llama-head20"));
        Random random = new(3);
        List<SafetensorsEntry> factors = [];
        foreach (var layer in (string[])["q_proj", "k_proj", "v_proj", "o_proj"])
        {
            const int size = 60, rank = 4;
            var name = $"model.layers.1.self_attn.{layer}";
            float[] down = [.. Enumerable.Range(0, rank * size).Select(_ => random.NextSingle() - 0.5f)];
            float[] up = [.. Enumerable.Range(0, size * rank).Select(_ => random.NextSingle() - 0.5f)];
            factors.Add(SafetensorsEntry.From($"base_model.model.{name}.lora_A.weight", down, rank, size));
            factors.Add(SafetensorsEntry.From($"base_model.model.{name}.lora_B.weight", up, size, rank));
            var matrix = merged.Tensors[$"{name}.weight"].Values;
            for (var i = 0; i < matrix.Length; i++)
            {
                int row = i / size, column = i % size;
                matrix[i] += 2 * Enumerable.Range(0, rank).Sum(r => up[(row * rank) + r] * down[(r * size) + column]);
            }
        }

        Directory.CreateDirectory(folder["adapter"]);
        SafetensorsWriter.Write(Path.Combine(folder["adapter"], "adapter_model.safetensors"), factors);
        File.WriteAllText(
            Path.Combine(folder["adapter"], "adapter_config.json"),
            """
            {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "k_proj", "v_proj", "o_proj"]}
            """);
        using (var checkpoint = Checkpoint.Open(merged.Write(folder["merged"])))
        {
            Exporter.Export(checkpoint, folder["reference"]);
        }

        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama-head20")))
        using (var adapter = LoraAdapter.Open(folder["adapter"]))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions
            {
                Adapters = new Dictionary<string, LoraAdapter> { ["own"] = adapter },
            });
        }

        int[] ids = [.. Enumerable.Range(3, 20)];
        using DecoderRunner reference = new(folder["reference"]);
        using var model = LanguageModel.Load(folder["package"]);
        var logits = await model.ForwardAsync(ids, "own", TestContext.Current.CancellationToken);
        Assert.InRange(DecoderParityTests.Difference(logits.Memory.ToArray(), reference.Run(ids)), 0, 1e-4f);
    }

    [Fact]
    public async Task Generate_UnknownAdapter_NamesThoseThereAre()
    {
        using TemporaryFolder folder = new();
        using var _ = Export(folder["package"], Precision.Float32);
        using var model = LanguageModel.Load(folder["package"]);
        var error = await Assert.ThrowsAsync<ArgumentException>(() => AnswerAsync(model, [1], "poems"));
        Assert.Equal(
            $"The request asks for the adapter 'poems'; the package '{folder["package"]}' has 'all-linear', "
            + "'attention'. Ask for one of them, or for none. (Parameter 'request')", error.Message);
    }

    private static Checkpoint Export(string package, Precision precision)
    {
        var source = SharedAssets.Path("lora", "llama");
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        var adapters =
            Names.ToDictionary(name => name, name => LoraAdapter.Open(Path.Combine(source, name)));
        try
        {
            Exporter.Export(checkpoint, package, new ExportOptions { Precision = precision, Adapters = adapters });
        }
        finally
        {
            Array.ForEach([.. adapters.Values], adapter => adapter.Dispose());
        }

        return Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
    }

    internal static async Task<int[]> AnswerAsync(LanguageModel model, int[] prompt, string? adapter, int count = 10)
    {
        GenerationRequest request = new()
        {
            PromptIds = prompt, MaxOutputTokens = count, IgnoreEndOfSequence = true, Adapter = adapter,
        };
        List<int> ids = [];
        await foreach (var token in model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            ids.Add(token.Id);
        }

        return [.. ids];
    }
}
