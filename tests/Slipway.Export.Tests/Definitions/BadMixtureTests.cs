using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Configurations of experts and of attention that contradict themselves or cannot be exported.</summary>
public sealed class BadMixtureTests
{
    [Theory]
    [InlineData("qwen2-moe", "num_experts_per_tok", "9", "'9'; expected at most 'num_experts', 8")]
    [InlineData("qwen2-moe", "num_experts", "100000", "'100000'; expected at most 4096 experts")]
    [InlineData("deepseek-v2", "n_group", "3", "'3'; expected a divisor of 'n_routed_experts', 8")]
    [InlineData("deepseek-v2", "topk_group", "5", "'5'; expected at most 'n_group', 4")]
    [InlineData("deepseek-v2", "topk_group", "1", "'1'; expected groups that hold 'num_experts_per_tok', 3, experts")]
    [InlineData("deepseek-v2", "qk_rope_head_dim", "15", "'15'; expected an even number")]
    [InlineData("deepseek-v2", "first_k_dense_replace", "-1", "'-1'; expected a whole number from 0 on")]
    [InlineData("qwen3-next", "linear_num_value_heads", "3", "'3'; expected a multiple of 'linear_num_key_heads', 2")]
    [InlineData("qwen3-next", "layer_types", "[\"linear_attention\"]", "\"]'; expected an entry for each layer")]
    public void Export_ContradictingConfiguration_NamesKeyAndValue(
        string name, string key, string value, string message)
    {
        var error = Assert.Throws<CheckpointException>(() => Export(name, key, value));

        Assert.Contains($"'{key}' in the configuration of '", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("qwen2-moe", "hidden_act", "\"gelu\"", "'gelu', which cannot be exported; expected 'silu' for experts")]
    [InlineData("deepseek-v2", "mlp_layer_types", "[\"wide\",\"dense\"]", "cannot be exported; expected 'sparse' and ")]
    [InlineData("deepseek-v2", "topk_method", "\"best\"", "'best', which cannot be exported; expected 'greedy' and ")]
    [InlineData("glm4-moe", "scoring_func", "\"softmax\"", "'softmax', which cannot be exported; expected 'sigmoid'")]
    [InlineData("phimoe", "num_experts_per_tok", "3", "'3', which cannot be exported; expected '2'")]
    [InlineData("olmoe", "clip_qkv", "8", "'8', which cannot be exported; expected none")]
    [InlineData("glm4-moe", "partial_rotary_factor", "0.01", "'0.01', which cannot be exported; expected a share of")]
    [InlineData("qwen3-next", "layer_types", "[\"a\",\"b\"]", "exported; expected 'linear_attention' and ")]
    public void Export_UnsupportedConfiguration_NamesKeyAndValue(string name, string key, string value, string message)
    {
        var error = Assert.Throws<NotSupportedException>(() => Export(name, key, value));

        Assert.Contains($"'{key}' in the configuration of '", error.Message, StringComparison.Ordinal);
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Export_FewerExpertsThanTheConfigurationHas_NamesTheTensor()
    {
        var error = Assert.Throws<CheckpointException>(() => Export("qwen2-moe", "num_experts", "9"));

        Assert.NotNull(error.Tensor);
        Assert.Contains(error.Tensor, error.Message, StringComparison.Ordinal);
    }

    private static void Export(string name, string key, string value)
    {
        using TemporaryFolder folder = new();
        var definition = SmallModels.All[name];
        ReferenceModel model = new(seed: 3);
        definition.Forward(model, [1, 2]);
        var config = definition.Config();
        config[key] = JsonNode.Parse(value);
        model.Save(folder["checkpoint"], config);
        using var checkpoint = Checkpoint.Open(folder["checkpoint"]);
        Exporter.Export(checkpoint, folder["package"]);
    }
}
