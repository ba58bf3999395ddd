using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export.Tests.Architectures;
using Slipway.Testing;

namespace Slipway.Export.Tests.Adapters;

public sealed class AdapterChecksTests
{
    private const string Prefix = "base_model.model.";
    private const string Query = "model.layers.1.self_attn.q_proj";

    [Fact]
    public async Task Forward_RankPatternAndRsLora_EqualsTheMergedModel()
    {
        using TemporaryFolder folder = new();
        var settings = Settings(rank: 2);
        settings["rank_pattern"] = new JsonObject { ["o_proj"] = 3 };
        settings["alpha_pattern"] = new JsonObject { ["q_proj"] = 7 };
        settings["use_rslora"] = true;
        Write(
            folder["own"], settings,
            [.. Factors($"{Query}", 2, 64, 64), .. Factors("model.layers.2.self_attn.v_proj", 2, 64, 32),
                .. Factors("model.layers.0.self_attn.o_proj", 3, 64, 64), .. Factors("lm_head", 2, 64, 256)]);
        using (var merged = LoraAdapter.Open(folder["own"]).MergeInto(Checkpoint.Open(Base)))
        {
            Exporter.Export(merged, folder["merged"]);
        }

        Export(folder["package"], folder["own"]);
        int[] ids = [.. Enumerable.Range(5, 20)];
        using DecoderRunner reference = new(folder["merged"]);
        using var model = LanguageModel.Load(folder["package"]);
        var logits = await model.ForwardAsync(ids, "own", TestContext.Current.CancellationToken);
        var alone = await model.ForwardAsync(ids, TestContext.Current.CancellationToken);
        var expected = reference.Run(ids);
        Assert.InRange(DecoderParityTests.Difference(logits.Memory.ToArray(), expected), 0, 1e-4f);
        Assert.InRange(DecoderParityTests.Difference(alone.Memory.ToArray(), expected), 1e-2f, float.MaxValue);
    }

    [Fact]
    public async Task Forward_DoraBesideAnother_EqualsEachMergedModel()
    {
        using TemporaryFolder folder = new();
        string[] scaled = [Query, "model.layers.1.self_attn.v_proj", "model.layers.0.mlp.down_proj"];
        (int Inputs, int Outputs)[] sizes = [(64, 64), (64, 32), (96, 64)];
        var settings = Settings(2);
        settings["use_dora"] = true;
        Write(
            folder["scaled"], settings,
            [.. scaled.Zip(sizes).SelectMany(layer => (SafetensorsEntry[])
            [
                .. Factors(layer.First, 2, layer.Second.Inputs, layer.Second.Outputs),
                SafetensorsEntry.From(
                    $"{Prefix}{layer.First}.lora_magnitude_vector",
                    [.. Enumerable.Range(0, layer.Second.Outputs).Select(row => 0.3f + (row % 7 * 0.1f))],
                    layer.Second.Outputs),
            ])]);
        Write(folder["plain"], Settings(3), Factors(Query, 3, 64, 64));
        string[] names = ["scaled", "plain"];
        using (var checkpoint = Checkpoint.Open(Base))
        using (LoraAdapter first = LoraAdapter.Open(folder["scaled"]), second = LoraAdapter.Open(folder["plain"]))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions
            {
                Adapters = new Dictionary<string, LoraAdapter> { ["scaled"] = first, ["plain"] = second },
            });
        }

        int[] ids = [.. Enumerable.Range(5, 20)];
        using var model = LanguageModel.Load(folder["package"]);
        List<(string Name, int[] Tokens)> alone = [];
        foreach (var name in names)
        {
            using (var merged = LoraAdapter.Open(folder[name]).MergeInto(Checkpoint.Open(Base)))
            {
                Exporter.Export(merged, folder[$"merged-{name}"]);
            }

            using DecoderRunner reference = new(folder[$"merged-{name}"]);
            var logits = await model.ForwardAsync(ids, name, TestContext.Current.CancellationToken);
            Assert.InRange(DecoderParityTests.Difference(logits.Memory.ToArray(), reference.Run(ids)), 0, 1e-4f);
            reference.Reset();
            alone.Add((name, reference.Greedy(ids, 8)));
        }

        var together = await Task.WhenAll(Enumerable.Range(0, 6)
            .Select(index => AdapterTests.AnswerAsync(model, ids, names[index % 2], 8)));
        Assert.Equal(Enumerable.Range(0, 6).Select(index => alone[index % 2].Tokens), together);
    }

    [Fact]
    public void Export_Bias_IsRefusedWithTheRemedy()
    {
        using TemporaryFolder folder = new();
        Write(
            folder["own"], Settings(2),
            [.. Factors(Query, 2, 64, 64), SafetensorsEntry.From($"{Prefix}{Query}.lora_B.bias", new float[64], 64)]);
        var error = Assert.Throws<NotSupportedException>(() => Export(folder["package"], folder["own"]));
        Assert.Equal(
            $"The adapter 'own' in '{folder["own"]}' adds a bias to '{Query}.weight', which cannot be switched per "
            + "request. Merge it at export instead.", error.Message);
    }

    [Fact]
    public void Export_ReplacedTensor_IsRefusedWithTheRemedy()
    {
        using TemporaryFolder folder = new();
        Write(
            folder["own"], Settings(2),
            [.. Factors(Query, 2, 64, 64), SafetensorsEntry.From($"{Prefix}model.norm.weight", new float[64], 64)]);
        var error = Assert.Throws<NotSupportedException>(() => Export(folder["package"], folder["own"]));
        Assert.Equal(
            $"The adapter 'own' in '{folder["own"]}' replaces the tensor 'model.norm.weight', which cannot be switched "
            + "per request. Merge it at export instead.", error.Message);
    }

    [Fact]
    public void Export_WrongShape_NamesTensorAndShapes()
    {
        using TemporaryFolder folder = new();
        Write(folder["own"], Settings(2), Factors(Query, 2, 64, 32));
        var error = Assert.Throws<CheckpointException>(() => Export(folder["package"], folder["own"]));
        Assert.Equal(
            $"The adapter 'own' in '{folder["own"]}' changes tensor '{Query}.weight' of shape [32, 64]; the checkpoint "
            + $"'{Base}' has one of shape [64, 64]. Use the model that it was trained on.", error.Message);
    }

    [Fact]
    public void Export_AdaptedEmbedding_IsRefusedWithTheRemedy()
    {
        using TemporaryFolder folder = new();
        Write(folder["own"], Settings(2), EmbeddingFactors());
        var error = Assert.Throws<NotSupportedException>(() => Export(folder["package"], folder["own"]));
        Assert.Equal(
            "An adapter changes 'model.embed_tokens.weight', which is a table of rows, not a linear layer. Such an "
            + "adapter cannot be switched per request: merge it at export instead.", error.Message);
    }

    [Fact]
    public void Export_BadName_IsRefused()
    {
        using TemporaryFolder folder = new();
        Write(folder["own"], Settings(2), Factors(Query, 2, 64, 64));
        var error = Assert.Throws<ArgumentException>(
            () => Export(folder["package"], folder["own"], "../own"));
        Assert.StartsWith(
            "'../own' is no name for an adapter; expected up to 64 ASCII letters, digits, '-', '_' and '.', not '.' at "
            + "first.", error.Message, StringComparison.Ordinal);
    }

    private static string Base => SharedAssets.Path("tiny", "llama");

    private static void Export(string package, string adapter, string name = "own")
    {
        using var checkpoint = Checkpoint.Open(Base);
        using var lora = LoraAdapter.Open(adapter);
        Exporter.Export(checkpoint, package, new ExportOptions
        {
            Adapters = new Dictionary<string, LoraAdapter> { [name] = lora },
        });
    }

    private static void Write(string folder, JsonObject settings, IReadOnlyList<SafetensorsEntry> tensors)
    {
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "adapter_config.json"), settings.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder, "adapter_model.safetensors"), tensors);
    }

    private static JsonObject Settings(int rank) => new() { ["peft_type"] = "LORA", ["r"] = rank, ["lora_alpha"] = 5 };

    private static SafetensorsEntry[] Factors(string module, int rank, int inputs, int outputs) =>
    [
        SafetensorsEntry.From($"{Prefix}{module}.lora_A.weight", Numbers(rank * inputs, 3), rank, inputs),
        SafetensorsEntry.From($"{Prefix}{module}.lora_B.weight", Numbers(outputs * rank, 5), outputs, rank),
    ];

    private static SafetensorsEntry[] EmbeddingFactors() =>
    [
        SafetensorsEntry.From($"{Prefix}model.embed_tokens.lora_embedding_A", Numbers(2 * 256, 3), 2, 256),
        SafetensorsEntry.From($"{Prefix}model.embed_tokens.lora_embedding_B", Numbers(64 * 2, 5), 64, 2),
    ];

    private static float[] Numbers(int count, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => (random.NextSingle() - 0.5f) / 2)];
    }
}
