using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

internal sealed class Qwen2Architecture : GgufArchitecture
{
    public override string Name => "qwen2";

    protected override string ModelClass => "Qwen2ForCausalLM";
}

internal sealed class Qwen3Architecture : GgufArchitecture
{
    public override string Name => "qwen3";

    protected override string ModelClass => "Qwen3ForCausalLM";
}

internal sealed class Qwen3MoeArchitecture : GgufArchitecture
{
    public override string Name => "qwen3moe";

    protected override string ModelClass => "Qwen3MoeForCausalLM";

    protected override string ModelType => "qwen3_moe";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } =
        GgufNames.With(GgufNames.Layer, ("ffn_gate_inp", "mlp.gate"));

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name)
    {
        var projection = name.Stem switch
        {
            "ffn_gate_exps" => "gate_proj",
            "ffn_up_exps" => "up_proj",
            "ffn_down_exps" => "down_proj",
            _ => null,
        };
        return projection is not null && name.Layer is { } layer
            ? GgufExperts.Split(
                tensor, expert => Layer(LayerRoot, layer, $"mlp.experts.{expert}.{projection}{name.Suffix}"))
            : base.MapTensor(file, tensor, name);
    }

    protected override void WriteOwn(GgufConfig config)
    {
        // Newer and older names of the same key.
        config["num_experts"] = config.Integer("expert_count");
        config["num_local_experts"] = config.Integer("expert_count");
        config["num_experts_per_tok"] = config.Integer("expert_used_count");
        config["moe_intermediate_size"] = config.Integer("expert_feed_forward_length");
        config["norm_topk_prob"] = true;
        config["decoder_sparse_step"] = 1;
        config["mlp_only_layers"] = new JsonArray();
    }
}
