using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Gguf;

// Each architecture from a Hugging Face checkpoint to GGUF and back.
public sealed class GgufArchitectureTests(ITestOutputHelper output)
{
    private static readonly string[] CommonKeys =
    [
        "architectures", "model_type", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads",
        "num_key_value_heads", "max_position_embeddings", "rms_norm_eps", "vocab_size", "tie_word_embeddings",
    ];

    // A row: the folder, the name in the file, further metadata as 'key=config key', further keys that come back.
    private static readonly Dictionary<string, (string Architecture, string[] Metadata, string[] Keys)> Rows = new()
    {
        ["llama"] = ("llama", [], ["attention_bias", "mlp_bias"]),
        ["llama-tied-bias"] = ("llama", [], []),
        ["qwen2"] = ("qwen2", [], []),
        ["qwen3"] = ("qwen3", ["attention.key_length=head_dim"], ["head_dim"]),
        ["mixtral"] = (
            "llama", ["expert_count=num_local_experts", "expert_used_count=num_experts_per_tok"],
            ["num_local_experts", "num_experts_per_tok"]),
        ["qwen3-moe"] = (
            "qwen3moe",
            ["attention.key_length=head_dim", "expert_count=num_local_experts", "expert_used_count=num_experts_per_tok",
             "expert_feed_forward_length=moe_intermediate_size"],
            ["head_dim", "num_local_experts", "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob"]),
        ["gemma2"] = (
            "gemma2",
            ["attention.key_length=head_dim", "attention.sliding_window=sliding_window",
             "attn_logit_softcapping=attn_logit_softcapping", "final_logit_softcapping=final_logit_softcapping"],
            ["head_dim", "sliding_window", "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar",
             "hidden_activation", "layer_types"]),
        ["gemma3"] = (
            "gemma3", ["attention.key_length=head_dim", "attention.sliding_window=sliding_window"],
            ["head_dim", "sliding_window", "query_pre_attn_scalar", "hidden_activation", "layer_types"]),
        ["phi3"] = ("phi3", ["rope.dimension_count=32"], ["original_max_position_embeddings"]),
        ["granite"] = (
            "granite",
            ["attention.scale=attention_multiplier", "embedding_scale=embedding_multiplier",
             "residual_scale=residual_multiplier", "logit_scale=logits_scaling"],
            ["attention_multiplier", "embedding_multiplier", "residual_multiplier", "logits_scaling"]),
        ["olmo2"] = ("olmo2", [], []),
        ["smollm3"] = ("smollm3", [], ["no_rope_layers", "no_rope_layer_interval"]),
        ["gpt-oss"] = (
            "gpt-oss",
            ["attention.key_length=head_dim", "expert_count=num_local_experts", "expert_used_count=num_experts_per_tok",
             "expert_feed_forward_length=intermediate_size", "attention.sliding_window=sliding_window"],
            ["head_dim", "num_local_experts", "num_experts_per_tok", "sliding_window", "swiglu_limit", "layer_types"]),
    };

    public static TheoryData<string> Names => [.. Rows.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Open_ConvertedCheckpoint_HasItsTensorsAndConfiguration(string name)
    {
        var (architecture, metadata, keys) = Rows[name];
        using var source = Checkpoint.Open(SharedAssets.Path("tiny", name));
        using var folder = new TemporaryFolder();
        var bytes = new GgufConversion(source, architecture).Write(
            builder => GgufConversion.AddMetadata(builder, architecture, source.Config, metadata));
        File.WriteAllBytes(folder["model.gguf"], bytes);
        using var converted = Checkpoint.Open(folder["model.gguf"]);

        CheckTensors(name, source, converted);
        foreach (var key in CommonKeys.Concat(keys))
        {
            Assert.True(
                Same(source.Config[key], converted.Config[key]),
                $"'{key}' is '{converted.Config[key]?.ToJsonString()}', not '{source.Config[key]?.ToJsonString()}'.");
        }
    }

    [Fact]
    public void Open_ConvertedGpt2_HasItsTensorsAndConfiguration()
    {
        using var source = Checkpoint.Open(SharedAssets.Path("tiny", "gpt2"));
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], new GgufConversion(source, "gpt2").Write(builder => builder
            .Add("gpt2.embedding_length", 64u).Add("gpt2.feed_forward_length", 256u).Add("gpt2.block_count", 3u)
            .Add("gpt2.attention.head_count", 4u).Add("gpt2.context_length", 128u)
            .Add("gpt2.attention.layer_norm_epsilon", 1e-5f)));
        using var converted = Checkpoint.Open(folder["model.gguf"]);

        CheckTensors("gpt2", source, converted);
        foreach (var key in (string[])
            ["architectures", "model_type", "n_embd", "n_layer", "n_head", "n_positions", "activation_function",
             "layer_norm_epsilon", "vocab_size", "tie_word_embeddings"])
        {
            Assert.True(Same(source.Config[key], converted.Config[key]), key);
        }
    }

    [Fact]
    public void Open_Falcon_PutsQueriesKeysAndValuesTogether()
    {
        // Four query heads, two of keys and values, two rows a head; a row holds its own number.
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], new GgufBuilder("falcon")
            .Add("falcon.attention.head_count", 4u).Add("falcon.attention.head_count_kv", 2u)
            .AddFloats("blk.0.attn_norm.weight", [1], [1])
            .AddFloats("blk.0.attn_norm_2.weight", [1], [2])
            .AddFloats("blk.0.attn_qkv.weight", [1, 16], [.. Enumerable.Range(0, 16).Select(row => (float)row)])
            .Build());
        using var checkpoint = Checkpoint.Open(folder["model.gguf"]);

        Assert.Equal(
            [0f, 1, 2, 3, 8, 9, 12, 13, 4, 5, 6, 7, 10, 11, 14, 15],
            CheckpointFiles.Floats(checkpoint, "transformer.h.0.self_attention.query_key_value.weight"));
        Assert.Equal([1f], CheckpointFiles.Floats(checkpoint, "transformer.h.0.ln_mlp.weight"));
        Assert.Equal([2f], CheckpointFiles.Floats(checkpoint, "transformer.h.0.ln_attn.weight"));
    }

    [Theory]
    [InlineData(500000f, 64, 8, 1, 4, null)]
    [InlineData(500000f, 32, 32, 1, 4, null)]
    [InlineData(100f, 16, 4, 1, 3, 64u)]
    public void Config_RotaryDivisors_GiveLlama3sScaling(
        float theta, int pairs, double factor, double low, double high, uint? context)
    {
        var original = context ?? 8192;
        var divisors = Enumerable.Range(0, pairs).Select(i =>
        {
            var turns = original * Math.Pow(theta, -(double)i / pairs) / (2 * Math.PI);
            var kept = Math.Clamp((turns - low) / (high - low), 0, 1);
            return (float)(1 / (((1 - kept) / factor) + kept));
        }).ToArray();
        var builder = TinyGguf.Llama().Add("llama.rope.freq_base", theta)
            .AddFloats("rope_freqs.weight", [pairs], divisors);
        if (context is { } length)
        {
            builder.Add("llama.rope.scaling.original_context_length", length);
        }

        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], builder.Build());
        using var checkpoint = Checkpoint.Open(folder.Path);

        var scaling = checkpoint.Config["rope_scaling"]!;
        Assert.Equal("llama3", (string?)scaling["rope_type"]);
        Assert.Equal(factor, (double)scaling["factor"]!, 1e-3);
        Assert.Equal(low, (double)scaling["low_freq_factor"]!, 1e-2);
        Assert.Equal(high, (double)scaling["high_freq_factor"]!, 1e-2);
        Assert.Equal(original, (long)scaling["original_max_position_embeddings"]!);
        Assert.DoesNotContain("rope_freqs.weight", checkpoint.Tensors.Keys);
    }

    [Fact]
    public void Config_LongRope_HasBothListsOfFactors()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], new GgufBuilder("phi3")
            .Add("phi3.block_count", 1u).Add("phi3.context_length", 128u).Add("phi3.embedding_length", 8u)
            .Add("phi3.feed_forward_length", 16u).Add("phi3.attention.head_count", 2u)
            .Add("phi3.rope.dimension_count", 2u).Add("phi3.rope.scaling.original_context_length", 16u)
            .Add("phi3.attention.layer_norm_rms_epsilon", 1e-5f)
            .AddFloats("token_embd.weight", [8, 4], TinyGguf.Ramp(32))
            .AddFloats("rope_factors_long.weight", [1], [1.4f]).AddFloats("rope_factors_short.weight", [1], [1.02f])
            .Build());
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal(
            """{"rope_type":"longrope","long_factor":[1.4],"short_factor":[1.02]}""",
            checkpoint.Config["rope_scaling"]!.ToJsonString());
        Assert.Equal(16, (int)checkpoint.Config["original_max_position_embeddings"]!);
        Assert.Equal(0.5, (double)checkpoint.Config["partial_rotary_factor"]!);
    }

    [Fact]
    public void Open_UnknownArchitecture_ListsTheKnown()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], new GgufBuilder("llama9").Build());
        var error = Assert.Throws<CheckpointException>(() => Checkpoint.Open(folder["model.gguf"]));
        Assert.Equal(
            $"The architecture 'llama9' of the GGUF file '{folder["model.gguf"]}' is not supported. Supported are " +
            "'falcon', 'gemma2', 'gemma3', 'gpt-oss', 'gpt2', 'granite', 'llama', 'olmo2', 'phi3', 'qwen2', 'qwen3', " +
            "'qwen3moe', 'smollm3', 'starcoder2'; or export the model from its Hugging Face checkpoint.",
            error.Message);
    }

    private void CheckTensors(string name, Checkpoint source, Checkpoint converted)
    {
        Assert.Equal(source.Tensors.Keys.Order(), converted.Tensors.Keys.Order());
        float max = 0;
        foreach (var tensor in source.Tensors.Values)
        {
            Assert.Equal(tensor.Shape, converted.Tensors[tensor.Name].Shape);
            var values = CheckpointFiles.Floats(converted, tensor.Name);
            var expected = CheckpointFiles.Floats(source, tensor.Name);
            max = Math.Max(max, expected.Zip(values, (x, y) => Math.Abs(x - y)).Max());
            var part = new float[(values.Length / 2) + 1];
            converted.ReadFloats(tensor.Name, values.Length / 3, part.AsSpan(0, values.Length / 2));
            Assert.Equal(values.AsSpan(values.Length / 3, values.Length / 2), part.AsSpan(0, values.Length / 2));
        }

        output.WriteLine($"{name}: {source.Tensors.Count} tensors, largest difference {max:0.0e+0}");
        Assert.InRange(max, 0, 1e-6f);
    }

    private static bool Same(JsonNode? expected, JsonNode? actual) =>
        expected?.GetValueKind() == JsonValueKind.Number && actual?.GetValueKind() == JsonValueKind.Number
            ? (double)expected == (double)actual
            : JsonNode.DeepEquals(expected, actual);
}
