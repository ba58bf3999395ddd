namespace Slipway.Checkpoints.Gguf;

// How the files of one architecture name their tensors and sizes, and what those are called at Hugging Face.
internal sealed record GgufArchitecture(string Name, string ModelType)
{
    // Whether rows of the query and key weights stand in the order of rotary pairs that lie side by side.
    public bool InterleavedHeads { get; init; }

    // Names in a layer, after 'blk.N.' there and 'model.layers.N.' here.
    public IReadOnlyDictionary<string, string> LayerNames { get; init; } = LlamaLayer;

    private static readonly Dictionary<string, string> LlamaLayer = new()
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

    private static readonly Dictionary<string, string> Outer = new()
    {
        ["token_embd"] = "model.embed_tokens",
        ["output_norm"] = "model.norm",
        ["output"] = "lm_head",
    };

    // general.architecture → how to read it.
    public static IReadOnlyDictionary<string, GgufArchitecture> All { get; } = new Dictionary<string, GgufArchitecture>
    {
        ["llama"] = new("LlamaForCausalLM", "llama") { InterleavedHeads = true },
        ["qwen2"] = new("Qwen2ForCausalLM", "qwen2"),
        ["qwen3"] = new("Qwen3ForCausalLM", "qwen3"),
    };

    // The name at Hugging Face; the file's own where there is none, so that nothing is lost in silence.
    public string NameOf(string tensor)
    {
        var dot = tensor.LastIndexOf('.');
        if (dot < 0)
        {
            return tensor;
        }

        var (module, part) = (tensor[..dot], tensor[dot..]);
        if (Outer.TryGetValue(module, out var outer))
        {
            return outer + part;
        }

        return module.Split('.', 3) is ["blk", var number, var layer] && LayerNames.TryGetValue(layer, out var inner)
            ? $"model.layers.{number}.{inner}{part}"
            : tensor;
    }
}
