using Slipway.Training.Text;

namespace Slipway.Training.Models;

/// <summary>Lists the architectures that can be trained.</summary>
public static class DecoderArchitectures
{
    private static readonly DecoderArchitecture Gemma2 = new("Gemma2ForCausalLM")
    {
        TiedByDefault = true,
        NormOffset = 1,
        PostNorms = true,
        ScaledEmbedding = true,
        Activation = ("hidden_activation", "gelu_pytorch_tanh"),
        Window = LayerWindows.Alternating,
    };

    private static readonly Dictionary<string, DecoderArchitecture> Rows = new DecoderArchitecture[]
    {
        new("LlamaForCausalLM"),
        new("MistralForCausalLM") { Window = LayerWindows.All },
        new("Qwen2ForCausalLM") { QueryKeyValueBias = true, OutputBiasFollowsAttentionBias = false },
        new("Qwen3ForCausalLM") { QueryKeyNorm = true },
        Gemma2,
        Gemma2 with
        {
            Name = "Gemma3ForCausalLM", QueryKeyNorm = true, Window = LayerWindows.MostLayers,
            Rope = LayerPositions.ByWindow,
        },
        new("Phi3ForCausalLM") { FusedProjections = true, Window = LayerWindows.All },
        new("SmolLM3ForCausalLM") { TiedByDefault = true, Rope = LayerPositions.Sparse },
        new("GPT2LMHeadModel")
        {
            IsGpt2 = true,
            TiedByDefault = true,
            QueryKeyValueBias = true,
            Rope = LayerPositions.None,
            Activation = ("activation_function", "gelu_new"),
            Names = new("transformer", "wte", "h", "ln_f"),
            Keys = new Dictionary<string, string>
            {
                ["hidden_size"] = "n_embd", ["num_hidden_layers"] = "n_layer", ["num_attention_heads"] = "n_head",
                ["max_position_embeddings"] = "n_positions", ["intermediate_size"] = "n_inner",
                ["rms_norm_eps"] = "layer_norm_epsilon",
            },
        },
        new("MixtralForCausalLM")
        {
            Window = LayerWindows.All,
            Experts = (config, _) => new(
                "block_sparse_moe", config.Whole("num_local_experts"), config.Whole("num_experts_per_tok"),
                config.IntermediateSize, true, ("w1", "w3", "w2")),
        },
        new("Qwen3MoeForCausalLM")
        {
            QueryKeyNorm = true,
            Experts = (config, layer) => config.Numbers("mlp_only_layers")?.Contains(layer) == true
                || (layer + 1) % config.Whole("decoder_sparse_step", 1) != 0 ? null
                : new(
                    "mlp", config.Whole(config.Has("num_experts") ? "num_experts" : "num_local_experts"),
                    config.Whole("num_experts_per_tok"), config.Whole("moe_intermediate_size"),
                    config.Flag("norm_topk_prob", false), ("gate_proj", "up_proj", "down_proj")),
        },
    }.ToDictionary(row => row.Name, StringComparer.Ordinal);

    /// <summary>The names, in alphabetical order.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Rows.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Finds an architecture by its class name.</summary>
    /// <exception cref="NotSupportedException">No row has this name.</exception>
    public static DecoderArchitecture Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Rows.TryGetValue(name, out var row)
            ? row
            : throw new NotSupportedException(
                $"Architecture '{name}' cannot be trained. The nearest is '{NearestName.Find(name, Names)}'. "
                + $"Add a row to {nameof(DecoderArchitectures)} or see CONTRIBUTING.md.");
    }
}
