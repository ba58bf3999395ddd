namespace Slipway.Checkpoints.Gguf.Architectures;

// The names that most decoders share: GGUF's on the left, Hugging Face's on the right, without '.weight' and '.bias'.
internal static class GgufNames
{
    public static readonly Dictionary<string, string> Decoder = new(StringComparer.Ordinal)
    {
        ["token_embd"] = "model.embed_tokens",
        ["output_norm"] = "model.norm",
        ["output"] = "lm_head",
    };

    public static readonly Dictionary<string, string> Layer = new(StringComparer.Ordinal)
    {
        ["attn_norm"] = "input_layernorm",
        ["attn_q"] = "self_attn.q_proj",
        ["attn_k"] = "self_attn.k_proj",
        ["attn_v"] = "self_attn.v_proj",
        ["attn_output"] = "self_attn.o_proj",
        ["attn_q_norm"] = "self_attn.q_norm",
        ["attn_k_norm"] = "self_attn.k_norm",
        ["ffn_norm"] = "post_attention_layernorm",
        ["ffn_gate"] = "mlp.gate_proj",
        ["ffn_up"] = "mlp.up_proj",
        ["ffn_down"] = "mlp.down_proj",
    };

    // The common names with an architecture's own in their place.
    public static Dictionary<string, string> With(
        Dictionary<string, string> common, params (string Name, string HuggingFace)[] own)
    {
        var names = new Dictionary<string, string>(common, StringComparer.Ordinal);
        foreach (var (name, huggingFace) in own)
        {
            names[name] = huggingFace;
        }

        return names;
    }
}
