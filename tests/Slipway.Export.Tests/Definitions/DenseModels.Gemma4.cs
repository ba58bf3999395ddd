using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Gemma 4: windows with heads of 16, all positions with heads of 32.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Latest() => new()
    {
        ["gemma4"] = new(
            Config(
                "Gemma4ForCausalLM",
                """
                {"num_hidden_layers": 4, "head_dim": 16, "global_head_dim": 32, "sliding_window": 6,
                 "tie_word_embeddings": true, "rms_norm_eps": 1e-6, "num_kv_shared_layers": 2,
                 "use_double_wide_mlp": true, "hidden_size_per_layer_input": 8, "vocab_size_per_layer_input": 48,
                 "final_logit_softcapping": 20.0,
                 "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]}
                """),
            (model, ids) => Gemma4(model, ids, own: 2, perLayer: 8, KeyHeads, equal: false)),
        ["gemma4-experts-shared-keys"] = new(
            Config(
                "Gemma4ForCausalLM",
                """
                {"num_hidden_layers": 4, "head_dim": 16, "global_head_dim": 32, "sliding_window": 6,
                 "tie_word_embeddings": true, "rms_norm_eps": 1e-6, "num_kv_shared_layers": 2,
                 "attention_k_eq_v": true, "num_global_key_value_heads": 1, "enable_moe_block": true, "num_experts": 6,
                 "top_k_experts": 2, "moe_intermediate_size": 24, "hidden_size_per_layer_input": 8,
                 "use_double_wide_mlp": true, "vocab_size_per_layer_input": 48, "final_logit_softcapping": 20.0,
                 "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]}
                """),
            (model, ids) => Gemma4(
                model, ids, own: 2, perLayer: 8, keyHeads: 1, equal: true, experts: 6)),
        ["gemma4-experts-shared-keys-by-layer"] = new(
            Config(
                "Gemma4ForCausalLM",
                """
                {"num_hidden_layers": 4, "head_dim": 16, "sliding_window": 6, "tie_word_embeddings": true,
                 "rms_norm_eps": 1e-6, "num_kv_shared_layers": 2, "attention_k_eq_v": true, "enable_moe_block": true,
                 "per_layer_config": {"1": {"head_dim": 32, "num_key_value_heads": 1},
                                      "3": {"head_dim": 32, "num_key_value_heads": 1}},
                 "num_experts": 6, "top_k_experts": 2, "moe_intermediate_size": 24, "hidden_size_per_layer_input": 8,
                 "use_double_wide_mlp": true, "vocab_size_per_layer_input": 48, "final_logit_softcapping": 20.0,
                 "layer_types": ["sliding_attention", "full_attention", "sliding_attention", "full_attention"]}
                """),
            (model, ids) => Gemma4(
                model, ids, own: 2, perLayer: 8, keyHeads: 1, equal: true, experts: 6)),
        ["gemma4-equal-values"] = new(
            Config(
                "Gemma4ForCausalLM",
                """
                {"num_hidden_layers": 2, "head_dim": 16, "sliding_window": 6, "tie_word_embeddings": true,
                 "rms_norm_eps": 1e-6, "attention_k_eq_v": true, "hidden_size_per_layer_input": 0,
                 "per_layer_config": {"1": {"head_dim": 32, "num_key_value_heads": 1}},
                 "final_logit_softcapping": 20.0,
                 "rope_parameters": {
                    "sliding_attention": {"rope_type": "default", "rope_theta": 10000},
                    "full_attention": {"rope_type": "proportional", "rope_theta": 1000000, "partial_rotary_factor": 0.25}},
                 "layer_types": ["sliding_attention", "full_attention"]}
                """),
            (model, ids) => Gemma4(model, ids, own: 2, perLayer: 0, keyHeads: 1, equal: true)),
    };

    private static double[][] Gemma4(
        ReferenceModel model, int[] ids, int own, int perLayer, int keyHeads, bool equal, int small = 16,
        int large = 32, int experts = 0)
    {
        var layers = perLayer == 0 ? 2 : 4;
        var x = Times(model.Embed("model.embed_tokens", ids, Vocabulary, Hidden), Math.Sqrt(Hidden));
        var extra = perLayer == 0 ? null : Extra(x);
        Dictionary<bool, (double[][] Key, double[][] Value)> kept = [];
        for (var layer = 0; layer < layers; layer++)
        {
            var name = $"model.layers.{layer}";
            var full = layer % 2 == 1;
            var attended = Attention($"{name}.self_attn", Normed($"{name}.input_layernorm", x), full, layer);
            x = Add(x, Normed($"{name}.post_attention_layernorm", attended));
            var fed = Gated(
                model, $"{name}.mlp", Normed($"{name}.pre_feedforward_layernorm", x),
                layer >= own ? 2 * Inner : Inner, GeluTanh);
            fed = experts == 0 ? fed : Add(
                Normed($"{name}.post_feedforward_layernorm_1", fed),
                Normed($"{name}.post_feedforward_layernorm_2", Experts(name, x)));
            x = Add(x, Normed($"{name}.post_feedforward_layernorm", fed));
            if (extra is not null)
            {
                var gate = ReferenceModel.Map(
                    model.Linear($"{name}.per_layer_input_gate", x, perLayer), row => [.. row.Select(GeluTanh)]);
                var mixed = ReferenceModel.Zip(
                    gate, Columns(extra, layer * perLayer, perLayer), (a, b) => a * b);
                var projected = model.Linear($"{name}.per_layer_projection", mixed, Hidden);
                x = Add(x, Normed($"{name}.post_per_layer_input_norm", projected));
            }

            x = Times(x, model.Tensor($"{name}.layer_scalar", 0.8, 0.1, 1)[0]);
        }

        var logits = Head(model, Normed("model.norm", x), "model.embed_tokens", 1);
        return ReferenceModel.Map(logits, row => [.. row.Select(logit => 20 * Math.Tanh(logit / 20))]);

        double[][] Normed(string name, double[][] states) => model.RmsNorm(name, states, 1e-6);

        // Two experts a token by a router that reads the stream itself.
        double[][] Experts(string name, double[][] states)
        {
            const int inner = 24;
            var scale = model.Tensor($"{name}.router.scale", 1, 0.3, Hidden);
            var weights = model.Tensor($"{name}.router.per_expert_scale", 1, 0.4, experts);
            var read = ReferenceModel.Map(states, row =>
            {
                var deviation = Math.Sqrt(row.Average(element => element * element) + 1e-6);
                return [.. row.Select((element, i) => element / deviation * scale[i] / Math.Sqrt(Hidden))];
            });
            var shares = ReferenceModel.Map(
                model.Linear($"{name}.router.proj", read, experts, spread: 2),
                row => [.. ReferenceAttention.Choose(row, ReferenceAttention.Softmax(row), 2, normalize: true)
                    .Select((share, expert) => share * weights[expert])]);
            var input = Normed($"{name}.pre_feedforward_layernorm_2", states);
            var first = model.Tensor($"{name}.experts.gate_up_proj", 0, 0.2, experts, 2 * inner, Hidden);
            var second = model.Tensor($"{name}.experts.down_proj", 0, 0.2, experts, Hidden, inner);
            var sum = Times(states, 0);
            for (var expert = 0; expert < experts; expert++)
            {
                var both = ReferenceModel.Multiply(first, expert * 2 * inner, input, 2 * inner);
                var gated = ReferenceModel.Map(both, row =>
                    [.. row.Take(inner).Zip(row.Skip(inner), (gate, up) => GeluTanh(gate) * up)]);
                var output = ReferenceModel.Multiply(second, expert * Hidden, gated, Hidden);
                sum = [.. sum.Zip(output, (total, own) => total.Zip(own, (a, b) => (a, b)).ToArray())
                    .Select((row, at) => row.Select(pair => pair.a + (shares[at][expert] * pair.b)).ToArray())];
            }

            return sum;
        }

        double[][] Extra(double[][] first)
        {
            var token = Times(
                model.Embed("model.embed_tokens_per_layer", ids, Vocabulary, layers * perLayer), Math.Sqrt(perLayer));
            var context = Times(
                model.Linear("model.per_layer_model_projection", first, layers * perLayer), 1 / Math.Sqrt(Hidden));
            context = ByHead(
                context, perLayer, (_, part) => Normed("model.per_layer_projection_norm", [part])[0]);
            return Times(Add(context, token), 1 / Math.Sqrt(2));
        }

        double[][] Attention(string name, double[][] input, bool full, int layer)
        {
            int size = full ? large : small, heads = full ? keyHeads : KeyHeads;

            // Of the pairs of large heads only the first quarter turns.
            var frequencies = full
                ? [.. Frequencies(size, 1000000).Select((frequency, pair) => pair < size / 8 ? frequency : 0)]
                : Frequencies(size, 10000);
            var query = Turn(
                Heads($"{name}.q_norm", model.Linear($"{name}.q_proj", input, 4 * size)), size, frequencies);
            if (layer < own)
            {
                var raw = model.Linear($"{name}.k_proj", input, heads * size);
                var value = full && equal ? raw : model.Linear($"{name}.v_proj", input, heads * size);
                kept[full] = (
                    Turn(Heads($"{name}.k_norm", raw), size, frequencies),
                    ByHead(value, size, (_, head) =>
                    {
                        var deviation = Math.Sqrt(head.Average(element => element * element) + 1e-6);
                        return [.. head.Select(element => element / deviation)];
                    }));
            }

            var attended = Attend(
                query, kept[full].Key, kept[full].Value, 4, heads, scale: 1, full ? null : Window);
            return model.Linear($"{name}.o_proj", attended, Hidden);

            double[][] Heads(string norm, double[][] states) =>
                ByHead(states, size, (_, head) => Normed(norm, [head])[0]);
        }
    }
}
