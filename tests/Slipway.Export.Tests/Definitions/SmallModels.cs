using System.Text.Json.Nodes;
using static Slipway.Export.Tests.Definitions.ReferenceAttention;

namespace Slipway.Export.Tests.Definitions;

/// <summary>A small model: its configuration, and its forward pass.</summary>
internal sealed record Definition(Func<JsonObject> Config, Func<ReferenceModel, int[], double[][]> Forward);

/// <summary>Small models of architectures that are built from their definitions.</summary>
internal static partial class SmallModels
{
    private const double Epsilon = 1e-6;
    private const double Theta = 10000;
    private const int Experts = 8, ExpertSize = 32;

    public static IReadOnlyDictionary<string, Definition> All { get; } = new Dictionary<string, Definition>
    {
        ["deepseek-v2"] = new(() => Latent("DeepseekV2ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = null, ["topk_method"] = "group_limited_greedy", ["n_group"] = 4, ["topk_group"] = 2,
            ["num_experts_per_tok"] = 3, ["routed_scaling_factor"] = 1.5, ["norm_topk_prob"] = false,
        }), (model, ids) => DeepSeekV2(model, ids)),
        ["deepseek-v2-odd-sizes"] = new(() => Latent("DeepseekV2ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = null, ["topk_method"] = "group_limited_greedy", ["n_group"] = 4, ["topk_group"] = 2,
            ["num_experts_per_tok"] = 3, ["routed_scaling_factor"] = 1.5, ["norm_topk_prob"] = false,
        }, rotary: 8, latent: 20), (model, ids) => DeepSeekV2(model, ids, rotary: 8, latent: 20)),
        ["deepseek-v3-halves"] = new(() => Latent("DeepseekV3ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = 24, ["rope_interleave"] = false, ["attention_bias"] = true, ["n_group"] = 2,
            ["topk_group"] = 1, ["num_experts_per_tok"] = 2, ["routed_scaling_factor"] = 2.5, ["norm_topk_prob"] = true,
            ["num_nextn_predict_layers"] = 1,
        }), (model, ids) => DeepSeekV3(model, ids)),
        ["deepseek-v3-odd-sizes"] = new(() => Latent("DeepseekV3ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = 24, ["rope_interleave"] = false, ["attention_bias"] = true, ["n_group"] = 2,
            ["topk_group"] = 1, ["num_experts_per_tok"] = 2, ["routed_scaling_factor"] = 2.5, ["norm_topk_prob"] = true,
            ["num_nextn_predict_layers"] = 1,
        }, rotary: 12, latent: 27), (model, ids) => DeepSeekV3(model, ids, rotary: 12, latent: 27)),
        ["deepseek-v2-greedy"] = new(() => Latent("DeepseekV2ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = null, ["topk_method"] = "greedy", ["num_experts_per_tok"] = 3,
            ["routed_scaling_factor"] = 1.5, ["norm_topk_prob"] = true, ["moe_layer_freq"] = 1,
        }), (model, ids) => DeepSeekV2(model, ids, groups: 1)),
        ["deepseek-v3-not-normalized"] = new(() => Latent("DeepseekV3ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = 24, ["rope_interleave"] = false, ["attention_bias"] = true, ["n_group"] = 4,
            ["topk_group"] = 2, ["num_experts_per_tok"] = 3, ["routed_scaling_factor"] = 1.5,
            ["norm_topk_prob"] = false, ["num_nextn_predict_layers"] = 1,
        }), (model, ids) => DeepSeekV3(model, ids, routing: new(Groups: 4, ChosenGroups: 2, Chosen: 3, 1.5, false))),
        ["deepseek-v3-yarn"] = new(() => Latent("DeepseekV3ForCausalLM", new JsonObject
        {
            ["q_lora_rank"] = 24, ["rope_interleave"] = false, ["attention_bias"] = true, ["n_group"] = 2,
            ["topk_group"] = 1, ["num_experts_per_tok"] = 2, ["routed_scaling_factor"] = 2.5, ["norm_topk_prob"] = true,
            ["num_nextn_predict_layers"] = 1,
            ["rope_scaling"] = new JsonObject
            {
                // So few rounds that every pair keeps its frequency: what is left is the scores' factor.
                ["type"] = "yarn", ["factor"] = 40, ["mscale"] = 1.0, ["mscale_all_dim"] = 1.0,
                ["original_max_position_embeddings"] = 1 << 27, ["beta_fast"] = 2, ["beta_slow"] = 1,
            },
        }), (model, ids) => DeepSeekV3(model, ids, scoreFactor: Math.Pow((0.1 * Math.Log(40)) + 1, 2))),
        ["glm4-moe"] = new(() => Config("Glm4MoeForCausalLM", new JsonObject
        {
            ["head_dim"] = 32, ["partial_rotary_factor"] = 0.25, ["attention_bias"] = true, ["use_qk_norm"] = true,
            ["n_routed_experts"] = Experts, ["n_shared_experts"] = 1, ["moe_intermediate_size"] = ExpertSize,
            ["num_experts_per_tok"] = 2, ["n_group"] = 1, ["topk_group"] = 1, ["norm_topk_prob"] = true,
            ["routed_scaling_factor"] = 1.5, ["first_k_dense_replace"] = 1,
        }), Glm4Moe),
        ["granite-hybrid"] = new(() => HybridConfig(Experts), (model, ids) => GraniteHybrid(model, ids, experts: true)),
        ["granite-hybrid-dense"] = new(
            () => HybridConfig(0), (model, ids) => GraniteHybrid(model, ids, experts: false)),
        ["lfm2"] = new(Lfm2Config, Lfm2),
        ["mamba2"] = new(Mamba2Config, Mamba2),
        ["granitemoe"] = new(() => Config("GraniteMoeForCausalLM", new JsonObject
        {
            ["num_local_experts"] = Experts, ["num_experts_per_tok"] = 3, ["embedding_multiplier"] = 2,
            ["attention_multiplier"] = 0.3, ["residual_multiplier"] = 0.7, ["logits_scaling"] = 4,
        }), GraniteMoe),
        ["olmoe"] = new(() => Config("OlmoeForCausalLM", new JsonObject
        {
            ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false, ["clip_qkv"] = null,
        }), Olmoe),
        ["phimoe"] = new(() => PhiMoeConfig(null), (model, ids) => PhiMoe(model, ids)),
        ["phimoe-long"] = new(() => PhiMoeConfig(16), (model, ids) => PhiMoe(model, ids, 1.4)),
        ["phimoe-long-head-20"] = new(
            () => PhiMoeConfig(16, size: 20), (model, ids) => PhiMoe(model, ids, 1.4, size: 20)),
        ["phimoe-short"] = new(() => PhiMoeConfig(64), (model, ids) => PhiMoe(model, ids, 1.2)),
        ["qwen2-moe"] = new(() => Config("Qwen2MoeForCausalLM", new JsonObject
        {
            ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false,
            ["moe_intermediate_size"] = ExpertSize, ["shared_expert_intermediate_size"] = 48,
            ["mlp_only_layers"] = new JsonArray(0), ["decoder_sparse_step"] = 1,
        }), (model, ids) => Qwen2Moe(model, ids)),
        ["qwen2-moe-step"] = new(() => Config("Qwen2MoeForCausalLM", new JsonObject
        {
            ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false,
            ["moe_intermediate_size"] = ExpertSize, ["shared_expert_intermediate_size"] = 48,
            ["mlp_only_layers"] = new JsonArray(), ["decoder_sparse_step"] = 2,
        }), (model, ids) => Qwen2Moe(model, ids)),
        ["qwen2-moe-window"] = new(() => Config("Qwen2MoeForCausalLM", new JsonObject
        {
            ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false,
            ["moe_intermediate_size"] = ExpertSize, ["shared_expert_intermediate_size"] = 48,
            ["mlp_only_layers"] = new JsonArray(0), ["use_sliding_window"] = true, ["sliding_window"] = 6,
        }), (model, ids) => Qwen2Moe(model, ids, window: 6)),
        ["qwen3-moe-window"] = new(() => Config("Qwen3MoeForCausalLM", new JsonObject
        {
            ["head_dim"] = 16, ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false,
            ["moe_intermediate_size"] = ExpertSize, ["decoder_sparse_step"] = 2, ["use_sliding_window"] = true,
            ["sliding_window"] = 6,
        }), Qwen3Moe),
        ["qwen2-moe-odd-sizes"] = new(() => Config("Qwen2MoeForCausalLM", new JsonObject
        {
            ["hidden_size"] = 52, ["head_dim"] = 20, ["vocab_size"] = 251, ["num_experts"] = Experts,
            ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = false, ["moe_intermediate_size"] = 22,
            ["shared_expert_intermediate_size"] = 33, ["mlp_only_layers"] = new JsonArray(0),
        }), (model, ids) => Qwen2Moe(
            model, ids, new ReferenceSizes(Vocabulary: 251, Hidden: 52, HeadSize: 20), inner: 22, shared: 33)),
        ["qwen3-next"] = new(() => Config("Qwen3NextForCausalLM", new JsonObject
        {
            ["head_dim"] = 32, ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = true,
            ["moe_intermediate_size"] = ExpertSize, ["shared_expert_intermediate_size"] = 48,
            ["full_attention_interval"] = 2, ["linear_num_key_heads"] = 2, ["linear_num_value_heads"] = 4,
            ["linear_key_head_dim"] = 16, ["linear_value_head_dim"] = 8, ["linear_conv_kernel_dim"] = 4,
        }), (model, ids) => Qwen3Next(model, ids)),
        ["qwen3-next-head-24"] = new(() => Config("Qwen3NextForCausalLM", new JsonObject
        {
            ["head_dim"] = 24, ["num_experts"] = Experts, ["num_experts_per_tok"] = 3, ["norm_topk_prob"] = true,
            ["moe_intermediate_size"] = ExpertSize, ["shared_expert_intermediate_size"] = 48,
            ["full_attention_interval"] = 2, ["linear_num_key_heads"] = 2, ["linear_num_value_heads"] = 4,
            ["linear_key_head_dim"] = 16, ["linear_value_head_dim"] = 8, ["linear_conv_kernel_dim"] = 4,
        }), (model, ids) => Qwen3Next(model, ids, size: 24)),
    };

    private static JsonObject Config(string architecture, JsonObject keys)
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(architecture), ["hidden_act"] = "silu", ["hidden_size"] = 64,
            ["intermediate_size"] = 96, ["max_position_embeddings"] = 4096, ["num_attention_heads"] = 4,
            ["num_hidden_layers"] = 2, ["num_key_value_heads"] = 2, ["rms_norm_eps"] = Epsilon,
            ["rope_theta"] = Theta, ["tie_word_embeddings"] = false, ["vocab_size"] = 48,
        };
        foreach (var (key, value) in keys)
        {
            config[key] = value?.DeepClone();
        }

        return config;
    }

    private static JsonObject Latent(string architecture, JsonObject keys, int rotary = 16, int latent = 32)
    {
        var config = Config(architecture, keys);
        foreach (var (key, value) in ((string, int)[])
        [
            ("num_key_value_heads", 4), ("kv_lora_rank", latent), ("qk_nope_head_dim", 24),
            ("qk_rope_head_dim", rotary), ("v_head_dim", 20), ("n_routed_experts", Experts), ("n_shared_experts", 2),
            ("moe_intermediate_size", ExpertSize), ("first_k_dense_replace", 1),
        ])
        {
            config[key] = value;
        }

        return config;
    }

    // Attention as most have it, with what a model adds to queries and keys.
    private static double[][] Attention(
        ReferenceModel model, string name, double[][] x, ReferenceSizes sizes, bool inputBias = false,
        bool outputBias = false, int? rotary = null, double? scale = null,
        Func<string, double[][], double[][]>? change = null, int? window = null)
    {
        change ??= (_, states) => states;
        var query = change("q_norm", model.Linear($"{name}.q_proj", x, sizes.Heads * sizes.HeadSize, inputBias));
        var key = change(
            "k_norm", model.Linear($"{name}.k_proj", x, sizes.KeyHeads * sizes.HeadSize, inputBias));
        var value = model.Linear($"{name}.v_proj", x, sizes.KeyHeads * sizes.HeadSize, inputBias);
        var turning = rotary ?? sizes.HeadSize;
        var attended = Attend(
            Turn(query, sizes.HeadSize, turning, Theta), Turn(key, sizes.HeadSize, turning, Theta), value, sizes.Heads,
            sizes.KeyHeads, scale ?? 1 / Math.Sqrt(sizes.HeadSize), window);
        return model.Linear($"{name}.o_proj", attended, sizes.Hidden, outputBias);
    }

    // The norm of each head, as a change of queries or keys.
    private static double[][] NormHeads(
        ReferenceModel model, string name, double[][] states, int headSize, double offset = 0) =>
        ReferenceModel.Map(states, row =>
            [.. model.RmsNorm(name, [.. row.Chunk(headSize)], Epsilon, offset).SelectMany(head => head)]);

    private static double[][] Probabilities(ReferenceModel model, string name, double[][] x, bool sigmoid = false) =>
        ReferenceModel.Map(
            model.Linear(name, x, Experts, spread: 0.5),
            row => sigmoid ? [.. row.Select(ReferenceModel.Sigmoid)] : Softmax(row));
}
