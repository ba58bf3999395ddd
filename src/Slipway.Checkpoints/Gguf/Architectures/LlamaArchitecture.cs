using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Llama, and Mistral and Mixtral, whose files carry the same name. The file holds the rows of q and k so that the two
// halves of a head's rotary pairs alternate; Hugging Face holds one half after the other.
internal class LlamaArchitecture : GgufArchitecture
{
    public override string Name => "llama";

    protected override string ModelClass => "LlamaForCausalLM";

    protected override IReadOnlyDictionary<string, string> LayerNames { get; } =
        GgufNames.With(GgufNames.Layer, ("ffn_gate_inp", "block_sparse_moe.gate"));

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name)
    {
        if (name is { Layer: not null, Stem: "attn_q" or "attn_k" })
        {
            return [Unpermute(new GgufConfig(file, Name), tensor, name)];
        }

        var expertMatrix = name.Stem switch
        {
            "ffn_gate_exps" => "w1",
            "ffn_down_exps" => "w2",
            "ffn_up_exps" => "w3",
            _ => null,
        };
        return expertMatrix is not null && name.Layer is { } layer
            ? GgufExperts.Split(
                tensor,
                expert => Layer(LayerRoot, layer, $"block_sparse_moe.experts.{expert}.{expertMatrix}{name.Suffix}"))
            : base.MapTensor(file, tensor, name);
    }

    protected override void WriteOwn(GgufConfig config)
    {
        config["mlp_bias"] = config.HasTensor("blk.0.ffn_up.bias");
        if (config.OptionalInteger("expert_count") is > 0 and var experts)
        {
            // Mixtral is a llama with experts.
            config["architectures"] = new JsonArray("MixtralForCausalLM");
            config["model_type"] = "mixtral";
            config["num_local_experts"] = experts;
            config["num_experts_per_tok"] = config.Integer("expert_used_count");
        }
    }

    private GgufRows Unpermute(GgufConfig config, GgufTensor tensor, GgufTensorName name)
    {
        var heads = config.Integer("attention.head_count");
        if (name.Stem == "attn_k")
        {
            heads = config.OptionalInteger("attention.head_count_kv") ?? heads;
        }

        var isVector = tensor.Sizes.Length == 1;
        var rows = isVector ? tensor.RowLength : tensor.Rows;
        if (heads <= 0 || rows % (2 * heads) != 0 || (isVector && tensor.Type.BlockSize() != 1))
        {
            throw new CheckpointException(
                $"Tensor '{tensor.Name}' of '{tensor.File.Path}' has the shape " +
                $"{TensorInfo.FormatShape(tensor.Shape)}, which {heads} heads do not divide into pairs. Convert the " +
                "model again.", tensor.File.Path, tensor.Name);
        }

        var half = rows / heads / 2;
        return new GgufRows(Info(tensor, HuggingFaceName(name)), tensor)
        {
            RowBytes = isVector ? tensor.Type.BlockBytes() : tensor.RowBytes,
            RowOf = row =>
            {
                var (pair, offset) = Math.DivRem(row, half);
                return (pair / 2 * 2 * half) + (2 * offset) + (pair % 2);
            },
        };
    }
}
