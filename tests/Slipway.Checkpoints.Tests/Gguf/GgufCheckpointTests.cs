using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Checkpoints.Tests.Gguf;

public sealed class GgufCheckpointTests
{
    private const string RealModel = "SmolLM2-135M-Instruct.Q4_1.gguf";

    [Fact]
    public void Config_RealModel_HasTheValuesOfItsHuggingFaceConfig()
    {
        var folder = SharedAssets.Path("smollm2-135m-instruct");
        using var checkpoint = Checkpoint.Open(Path.Combine(folder, RealModel));
        var expected = (JsonObject)JsonNode.Parse(File.ReadAllBytes(Path.Combine(folder, "config.json")))!;

        Assert.Equal("gguf", checkpoint.Format);
        foreach (var key in (string[])
            ["architectures", "attention_bias", "bos_token_id", "eos_token_id", "head_dim", "hidden_act", "hidden_size",
             "intermediate_size", "max_position_embeddings", "mlp_bias", "model_type", "num_attention_heads",
             "num_hidden_layers", "num_key_value_heads", "pad_token_id", "tie_word_embeddings", "vocab_size"])
        {
            Assert.Equal(expected[key]?.ToJsonString(), checkpoint.Config[key]?.ToJsonString());
        }

        Assert.Equal(1e-5, (double?)checkpoint.Config["rms_norm_eps"]);
        Assert.Equal(100000.0, (double?)checkpoint.Config["rope_theta"]);
        Assert.Null(checkpoint.Config["rope_scaling"]);
    }

    [Fact]
    public void Tensors_RealModel_AreThoseOfLlama()
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("smollm2-135m-instruct", RealModel));

        Assert.Equal(272, checkpoint.Tensors.Count);
        Assert.Equal([192, 576], checkpoint.Tensors["model.layers.29.self_attn.k_proj.weight"].Shape);
        Assert.Equal([576, 1536], checkpoint.Tensors["model.layers.0.mlp.down_proj.weight"].Shape);
        Assert.Equal(TensorType.Q8_0, checkpoint.Tensors["model.embed_tokens.weight"].Type);
        Assert.Equal(TensorType.Q4_1, checkpoint.Tensors["model.layers.3.self_attn.q_proj.weight"].Type);
        Assert.DoesNotContain("lm_head.weight", checkpoint.Tensors.Keys);
        Assert.All(checkpoint.Tensors.Keys, name => Assert.StartsWith("model.", name, StringComparison.Ordinal));
    }

    [Fact]
    public void ReadFile_NothingBesideTheRealModel_IsMadeFromItsMetadata()
    {
        var folder = SharedAssets.Path("smollm2-135m-instruct");
        using var alone = new TemporaryFolder();
        File.CreateSymbolicLink(alone["model.gguf"], Path.Combine(folder, RealModel));
        using var checkpoint = Checkpoint.Open(alone["model.gguf"]);

        var expected = Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer.json")));
        var made = Parse(checkpoint.ReadFile("tokenizer.json"));
        Assert.True(JsonNode.DeepEquals(expected["model"]!["vocab"], made["model"]!["vocab"]));
        Assert.True(JsonNode.DeepEquals(expected["pre_tokenizer"], made["pre_tokenizer"]));
        Assert.True(JsonNode.DeepEquals(expected["normalizer"], made["normalizer"]));
        Assert.True(JsonNode.DeepEquals(expected["added_tokens"], made["added_tokens"]));
        Assert.Equal(
            expected["model"]!["merges"]!.AsArray().Select(pair => $"{pair![0]} {pair[1]}"),
            made["model"]!["merges"]!.AsArray().Select(pair => (string?)pair));

        var expectedConfig = Parse(File.ReadAllBytes(Path.Combine(folder, "tokenizer_config.json")));
        var config = Parse(checkpoint.ReadFile("tokenizer_config.json"));
        foreach (var key in (string[])["bos_token", "eos_token", "unk_token", "pad_token", "chat_template"])
        {
            Assert.Equal((string?)expectedConfig[key], (string?)config[key]);
        }

        Assert.Equal((string?)config["chat_template"], Text(checkpoint.ReadFile("chat_template.jinja")));
        Assert.Equal(2, (int?)Parse(checkpoint.ReadFile("generation_config.json"))["eos_token_id"]);
        Assert.Equal("llama", (string?)Parse(checkpoint.ReadFile("config.json"))["model_type"]);
        Assert.Null(checkpoint.ReadFile("special_tokens_map.json"));
    }

    [Fact]
    public void ReadFile_FileBesideTheModel_ComesFirst()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], TinyGguf.Llama().Add("tokenizer.chat_template", "own").Build());
        File.WriteAllText(folder["tokenizer_config.json"], "{}");
        using var checkpoint = Checkpoint.Open(folder.Path);

        Assert.Equal("{}", Text(checkpoint.ReadFile("tokenizer_config.json")));
        Assert.Null(checkpoint.ReadFile("chat_template.jinja"));
    }

    [Fact]
    public void ReadFloats_PermutedRows_AreInHuggingFacesOrder()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllBytes(folder["model.gguf"], TinyGguf.Llama().Build());
        using var checkpoint = Checkpoint.Open(folder.Path);

        // Two heads of 4 rows; the file alternates the halves of each: its row 1 is row 2 of the model.
        Assert.Equal(
            [0f, 2, 1, 3, 4, 6, 5, 7],
            CheckpointFiles.Floats(checkpoint, "model.layers.0.self_attn.q_proj.weight")
                .Where((_, i) => i % 8 == 0).Select(value => MathF.Floor(value)));
        Assert.Equal(
            [0f, 2, 1, 3], CheckpointFiles.Floats(checkpoint, "model.layers.0.self_attn.k_proj.bias"));
        var part = new float[9];
        checkpoint.ReadFloats("model.layers.0.self_attn.q_proj.weight", 15, part);
        Assert.Equal([2.875f, 1, 1.125f, 1.25f, 1.375f, 1.5f, 1.625f, 1.75f, 1.875f], part);
    }

    private static JsonObject Parse(byte[]? json) => (JsonObject)JsonNode.Parse(json)!;

    private static string Text(byte[]? bytes) => System.Text.Encoding.UTF8.GetString(bytes!);
}
