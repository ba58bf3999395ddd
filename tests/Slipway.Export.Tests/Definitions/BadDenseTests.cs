using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Configurations of dense decoders that contradict themselves or cannot be exported.</summary>
public sealed class BadDenseTests
{
    [Theory]
    [InlineData("gpt-bigcode", "n_head", "5", "'5'; expected a divisor of 'n_embd', 64")]
    [InlineData("gpt-neox-sequential", "num_attention_heads", "3", "'3'; expected a divisor of 'hidden_size', 64")]
    [InlineData("falcon-new", "num_kv_heads", "3", "'3'; expected a divisor of 'num_attention_heads', 4")]
    [InlineData("starcoder2", "num_key_value_heads", "3", "'3'; expected a divisor of 'num_attention_heads', 4")]
    [InlineData("olmo", "clip_qkv", "-1", "'-1'; expected a positive number")]
    [InlineData("ministral", "layer_types", "[\"full_attention\"]", "\"]'; expected an entry for each layer")]
    [InlineData("gemma4", "head_dim", "15", "'15'; expected an even number")]
    [InlineData("gemma4", "num_kv_shared_layers", "4", "'4'; expected less than 'num_hidden_layers', 4")]
    [InlineData("gemma4", "num_kv_shared_layers", "3", "'3'; expected a layer of each kind before those that share")]
    public void Export_ContradictingConfiguration_NamesKeyAndValue(
        string name, string key, string value, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Export(name, key, value));

        Assert.Contains($"'{key}' in the configuration of '", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("phi", "partial_rotary_factor", "1.5", "'1.5', which cannot be exported; expected a share of the head")]
    [InlineData("gptj", "rotary_dim", "17", "'17', which cannot be exported; expected a share of the head size 16")]
    [InlineData("gemma3-pattern", "use_bidirectional_attention", "true",
        "'true', which cannot be exported; expected 'f")]
    [InlineData("mistral", "rope_parameters", "{\"full_attention\":{}}", "expected the same parameters for all layers")]
    [InlineData("opt", "activation_function", "\"swoosh\"", "'swoosh', which cannot be exported; expected 'silu', ")]
    [InlineData("cohere2", "layer_types", "[\"a\",\"b\",\"c\",\"d\"]",
        "which cannot be exported; expected 'full_attention'")]
    public void Export_UnsupportedConfiguration_NamesKeyAndValue(string name, string key, string value, string message)
    {
        var error = Assert.Throws<NotSupportedException>(() => Export(name, key, value));

        Assert.Contains($"'{key}' in the configuration of '", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{\"rope_type\": \"spiral\"}", "'rope_scaling.rope_type' in the configuration of '",
        "is 'spiral', which cannot be")]
    [InlineData("{\"rope_type\": \"dynamic\"}", "'rope_scaling.factor' in the configuration of '",
    "is 'missing'; expected a number")]
    [InlineData(
        "{\"rope_type\": \"longrope\", \"short_factor\": [1, 2], \"long_factor\": [1, 2]}",
        "'rope_scaling.short_factor' in the configuration of '", "is '[1,2]'; expected 8 positive numbers")]
    public void Export_RotaryScalingOfNoUse_NamesKeyAndValue(string value, string key, string message)
    {
        var error = Assert.ThrowsAny<Exception>(() => Export("mistral", "rope_scaling", value));

        Assert.True(error is CheckpointException or NotSupportedException, error.ToString());
        Assert.Contains(key, error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("gpt-bigcode", "n_positions", "65", "transformer.wpe.weight")]
    [InlineData("opt-narrow", "word_embed_proj_dim", "48", "model.decoder.embed_tokens.weight")]
    [InlineData("falcon-new", "num_kv_heads", "1", "transformer.h.0.self_attention.query_key_value.weight")]
    public void Export_ConfigurationThatContradictsTensors_NamesTheTensor(
        string name, string key, string value, string tensor)
    {
        var error = Assert.Throws<CheckpointException>(() => Export(name, key, value));

        Assert.Equal(tensor, error.Tensor);
        Assert.Contains($"'{tensor}'", error.Message, StringComparison.Ordinal);
    }

    private static void Export(string name, string key, string value)
    {
        using TemporaryFolder folder = new();
        var definition = DenseModels.All[name];
        ReferenceModel model = new(seed: 3);
        definition.Forward(model, [1, 2]);
        var config = definition.Config();
        config[key] = JsonNode.Parse(value);
        model.Save(folder["checkpoint"], config);
        using var checkpoint = Checkpoint.Open(folder["checkpoint"]);
        Exporter.Export(checkpoint, folder["package"], new ExportOptions { Strict = true });
    }
}
