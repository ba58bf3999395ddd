using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Adapters;

public sealed class LoraAdapterTests(ITestOutputHelper output)
{
    private const string Query = "layers.0.q_proj.weight";
    private static readonly float[] Base = [1, 2, 3, 4, 5, 6];
    private static readonly float[] Down = [1, 0, -1, 2, 1, 0];
    private static readonly float[] Up = [0.5f, 1, -1, 2];

    // Up [2, 2] times Down [2, 3].
    private static readonly float[] Product = [2.5f, 1, -0.5f, 3, 2, 1];

    [Fact]
    public void MergeInto_PlainAdapter_AddsTheScaledProduct()
    {
        using var folder = new TemporaryFolder();
        using var merged = Merge(folder, Config(), Factors("q_proj"));

        Assert.Equal(Expected(4), CheckpointFiles.Floats(merged, Query));
        var part = new float[3];
        merged.ReadFloats(Query, 2, part);
        Assert.Equal(Expected(4)[2..5], part);
        Assert.Equal(TensorType.F32, merged.Tensors[Query].Type);
        Assert.Equal(Base, CheckpointFiles.Floats(merged, "layers.0.v_proj.weight"));
    }

    [Fact]
    public void MergeInto_RankStabilized_DividesByTheRoot()
    {
        using var folder = new TemporaryFolder();
        var config = Config();
        config["use_rslora"] = true;
        using var merged = Merge(folder, config, Factors("q_proj"));

        AssertClose(Expected((float)(8 / Math.Sqrt(2))), CheckpointFiles.Floats(merged, Query));
    }

    [Fact]
    public void MergeInto_Patterns_GiveRankAndAlphaByModule()
    {
        using var folder = new TemporaryFolder();
        var config = Config();
        config["r"] = 16;
        config["rank_pattern"] = new JsonObject { ["layers\\.[0-9]+\\.q_proj"] = 2, ["v_proj"] = 2 };
        config["alpha_pattern"] = new JsonObject { ["v_proj"] = 4 };
        using var merged = Merge(folder, config, [.. Factors("q_proj"), .. Factors("v_proj")]);

        Assert.Equal(Expected(4), CheckpointFiles.Floats(merged, Query));
        Assert.Equal(Expected(2), CheckpointFiles.Floats(merged, "layers.0.v_proj.weight"));
    }

    [Fact]
    public void MergeInto_Magnitudes_GiveEachRowItsLength()
    {
        using var folder = new TemporaryFolder();
        var config = Config();
        config["use_dora"] = true;
        using var merged = Merge(folder, config,
        [
            .. Factors("q_proj"),
            SafetensorsEntry.From("base_model.model.layers.0.q_proj.lora_magnitude_vector", [3f, 7f], 2),
        ]);

        var sum = Expected(4);
        var values = CheckpointFiles.Floats(merged, Query);
        foreach (var (row, magnitude) in ((int, float)[])[(0, 3), (1, 7)])
        {
            var length = MathF.Sqrt(sum.Skip(row * 3).Take(3).Sum(value => value * value));
            AssertClose(
                [.. sum.Skip(row * 3).Take(3).Select(value => value * magnitude / length)],
                values[(row * 3)..((row * 3) + 3)]);
        }
    }

    [Fact]
    public void MergeInto_EmbeddingAndWholeModule_TransposesAndReplaces()
    {
        using var folder = new TemporaryFolder();

        // Down [2, 2 tokens], Up [3, 2].
        using var merged = Merge(folder, Config(),
        [
            SafetensorsEntry.From("base_model.model.embed_tokens.lora_embedding_A", Up, 2, 2),
            SafetensorsEntry.From("base_model.model.embed_tokens.lora_embedding_B", Down, 3, 2),
            SafetensorsEntry.From("base_model.model.lm_head.weight", [9f, 8, 7, 6, 5, 4], 2, 3),
        ]);

        // Row v is 4 * (Down [3, 2] times column v of Up).
        Assert.Equal(
            [1 + (4 * 0.5f), 2 + (4 * (-0.5f - 2)), 3 + (4 * 0.5f), 4 + 4, 5 + (4 * (-1 + 4)), 6 + 4],
            CheckpointFiles.Floats(merged, "embed_tokens.weight"));
        Assert.Equal([9f, 8, 7, 6, 5, 4], CheckpointFiles.Floats(merged, "lm_head.weight"));
    }

    [Theory]
    [InlineData("all-linear", 21, 8, 2.0)]
    [InlineData("attention", 6, 4, 2.0)]
    public void MergeInto_PeftAdapter_EqualsTheProductInDoublePrecision(
        string name, int targets, int rank, double scale)
    {
        using var adapter = LoraAdapter.Open(SharedAssets.Path("lora", "llama", name));
        Assert.Equal(targets, adapter.Targets.Count);
        Assert.All(adapter.Targets.Values, target => Assert.Equal((rank, scale), (target.Rank, target.Scale)));
        using var original = Checkpoint.Open(SharedAssets.Path("tiny", "llama"));
        using var merged = adapter.MergeInto(Checkpoint.Open(SharedAssets.Path("tiny", "llama")));
        double max = 0;
        foreach (var target in adapter.Targets.Values)
        {
            var (down, up) = (new float[rank * target.Inputs], new float[target.Outputs * rank]);
            adapter.ReadDown(target.Name, down);
            adapter.ReadUp(target.Name, up);
            var (before, after) = (
                CheckpointFiles.Floats(original, target.Name), CheckpointFiles.Floats(merged, target.Name));
            for (var i = 0; i < before.Length; i++)
            {
                var (row, column) = Math.DivRem(i, target.Inputs);
                var sum = Enumerable.Range(0, rank).Sum(
                    k => (double)up[(row * rank) + k] * down[(k * target.Inputs) + column]);
                max = Math.Max(max, Math.Abs(before[i] + (scale * sum) - after[i]));
            }
        }

        output.WriteLine($"{name}: largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-6);
    }

    [Fact]
    public void MergeInto_OtherModel_NamesTheTensor()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<CheckpointException>(() => Merge(folder, Config(), Factors("k_proj")));
        Assert.Equal("layers.0.k_proj.weight", error.Tensor);
        Assert.Equal(
            $"The adapter '{folder["adapter"]}' changes tensor 'layers.0.k_proj.weight' of shape [2, 3]; the " +
            $"checkpoint '{folder["model.safetensors"]}' has none. Use the model that it was trained on, 'base'.",
            error.Message);
    }

    [Theory]
    [InlineData("peft_type", "\"IA3\"", "is of the type 'IA3'; expected 'LORA'")]
    [InlineData("use_qalora", "true", "'use_qalora' of the adapter")]
    [InlineData("r", "4", "the rank 4, but its tensors have the rank 2")]
    [InlineData("lora_alpha", "\"x\"", "'lora_alpha' of the adapter")]
    [InlineData("rank_pattern", "{\"(\": 2}", "the pattern '('")]
    public void Open_ConfigThatCannotBeMerged_NamesKeyAndValue(string key, string value, string expected)
    {
        using var folder = new TemporaryFolder();
        var config = Config();
        config[key] = JsonNode.Parse(value);
        var error = Assert.Throws<CheckpointException>(() => Merge(folder, config, Factors("q_proj")));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Open_UnknownTensor_IsRefused()
    {
        using var folder = new TemporaryFolder();
        var error = Assert.Throws<CheckpointException>(() => Merge(
            folder, Config(), [SafetensorsEntry.From("base_model.model.a.lora_xyz.weight", [1f], 1)]));
        Assert.Contains("is of no kind that a LoRA adapter is known to have", error.Message, StringComparison.Ordinal);
    }

    private static JsonObject Config() => new()
    {
        ["peft_type"] = "LORA",
        ["base_model_name_or_path"] = "base",
        ["r"] = 2,
        ["lora_alpha"] = 8,
    };

    private static float[] Expected(float scale) => [.. Base.Zip(Product, (value, delta) => value + (scale * delta))];

    private static SafetensorsEntry[] Factors(string module) =>
    [
        SafetensorsEntry.From($"base_model.model.layers.0.{module}.lora_A.weight", Down, 2, 3),
        SafetensorsEntry.From($"base_model.model.layers.0.{module}.lora_B.weight", Up, 2, 2),
    ];

    private static Checkpoint Merge(TemporaryFolder folder, JsonObject config, IReadOnlyList<SafetensorsEntry> tensors)
    {
        Directory.CreateDirectory(folder["adapter"]);
        File.WriteAllText(Path.Combine(folder["adapter"], "adapter_config.json"), config.ToJsonString());
        SafetensorsWriter.Write(Path.Combine(folder["adapter"], "adapter_model.safetensors"), tensors);
        SafetensorsWriter.Write(folder["model.safetensors"],
        [
            .. new[] { Query, "layers.0.v_proj.weight", "embed_tokens.weight", "lm_head.weight" }
                .Select(name => SafetensorsEntry.From(name, Base, 2, 3)),
        ]);
        return LoraAdapter.Open(folder["adapter"]).MergeInto(Checkpoint.Open(folder["model.safetensors"]));
    }

    private static void AssertClose(float[] expected, float[] actual) =>
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-6f * Math.Abs(pair.First)));
}
