using System.Text.Json.Nodes;
using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Sizes that are multiples of nothing: heads that operators do not take, and matrices that blocks do not divide.
internal static partial class DenseModels
{
    private const int OddHidden = 52, OddInner = 101, OddVocabulary = 251;

    private static Dictionary<string, Definition> OddSizes()
    {
        Dictionary<string, Definition> models = new()
        {
            ["llama-head-20-partial-5"] = Odd(
                20, """{"partial_rotary_factor": 0.25}""",
                (_, _) => new()
                {
                    Frequencies = [.. Enumerable.Range(0, 3).Select(pair => Math.Pow(Theta, -2.0 * pair / 5))],
                }),
            ["llama-head-40-partial-20-bias"] = Odd(
                40, """{"partial_rotary_factor": 0.5, "attention_bias": true}""",
                (_, _) => new() { Frequencies = Frequencies(20, Theta), InputBias = true, OutputBias = true }),
            ["mistral-head-20-window"] = Odd(
                20, """{"sliding_window": 6}""",
                (_, _) => new() { Window = Window, Frequencies = Frequencies(20, Theta) }, "MistralForCausalLM"),
            ["qwen3-head-20"] = Odd(
                20, "{}", (model, name) => new()
                {
                    Frequencies = Frequencies(20, Theta),
                    Before = (part, states) => ByHead(
                        states, 20, (_, head) => model.RmsNorm($"{name}.{part}_norm", [head], 1e-5)[0]),
                },
                "Qwen3ForCausalLM"),
            ["phi-head-20-qk-norm"] = new(
                Config(
                    "PhiForCausalLM",
                    """
                    {"head_dim": 20, "qk_layernorm": true, "partial_rotary_factor": 0.4, "layer_norm_eps": 1e-4}
                    """),
                (model, ids) => Phi(model, ids, normed: true, 0.4, 1e-4, size: 20)),
            ["stablelm-parallel-head-20"] = new(
                Config(
                    "StableLmForCausalLM",
                    """
                    {"head_dim": 20, "use_parallel_residual": true, "qk_layernorm": true, "partial_rotary_factor": 0.5}
                    """),
                (model, ids) => StableLm(model, ids, parallel: true, 10, size: 20)),
            ["cohere-head-20"] = new(
                Config(
                    "CohereForCausalLM",
                    """{"head_dim": 20, "use_qk_norm": true, "tie_word_embeddings": true, "logit_scale": 0.25}"""),
                (model, ids) => Cohere(model, ids, 2, _ => null, everywhere: true, size: 20)),
            ["olmo3-head-20"] = new(
                Config(
                    "Olmo3ForCausalLM", """{"head_dim": 20, "sliding_window": 6, "rms_norm_eps": 1e-5}"""),
                (model, ids) => After(
                    model, ids, 2, _ => new() { Size = 20, Frequencies = Frequencies(20, Theta), Window = Window },
                    whole: true, size: 20)),
            ["hunyuan-head-20"] = new(
                Config(
                    "HunYuanDenseV1ForCausalLM",
                    """
                    {"head_dim": 20, "rms_norm_eps": 1e-5,
                     "rope_scaling": {"type": "dynamic", "factor": 1.0, "alpha": 50.0}}
                    """),
                (model, ids) => HunYuan(model, ids, size: 20)),
            ["gpt-bigcode-head-13"] = new(
                OldConfig("GPTBigCodeForCausalLM", """{"n_embd": 52, "multi_query": true, "n_inner": 96}"""),
                (model, ids) => GptBigCode(model, ids, shared: true, hidden: 52)),
            ["falcon-head-20"] = new(
                Config(
                    "FalconForCausalLM",
                    """
                    {"hidden_size": 80, "new_decoder_architecture": true, "num_kv_heads": 2,
                     "tie_word_embeddings": true}
                    """),
                (model, ids) => Falcon(model, ids, 2, norms: 2, parallel: true, bias: false, hidden: 80)),
            ["gemma4-heads-24-40"] = new(
                Config(
                    "Gemma4ForCausalLM",
                    """
                    {"num_hidden_layers": 2, "head_dim": 24, "sliding_window": 6, "tie_word_embeddings": true,
                     "rms_norm_eps": 1e-6, "attention_k_eq_v": true, "hidden_size_per_layer_input": 0,
                     "per_layer_config": {"1": {"head_dim": 40, "num_key_value_heads": 1}},
                     "final_logit_softcapping": 20.0, "layer_types": ["sliding_attention", "full_attention"]}
                    """),
                (model, ids) => Gemma4(
                    model, ids, own: 2, perLayer: 0, keyHeads: 1, equal: true, small: 24, large: 40)),
        };
        foreach (var size in (int[])[20, 72, 80, 96, 100, 120])
        {
            models.Add($"llama-head-{size}", Odd(size));
        }

        return models;
    }

    // Llama of three heads that share one key.
    private static Definition Odd(
        int size, string keys = "{}", Func<ReferenceModel, string, DenseAttention>? attention = null,
        string architecture = "LlamaForCausalLM")
    {
        var all = JsonNode.Parse(keys)!.AsObject();
        foreach (var (key, value) in (IEnumerable<(string, JsonNode)>)
        [
            ("hidden_size", OddHidden), ("intermediate_size", OddInner), ("vocab_size", OddVocabulary),
            ("head_dim", size),
            ("num_attention_heads", 3), ("num_key_value_heads", 1), ("rms_norm_eps", 1e-5),
        ])
        {
            all[key] = value;
        }

        return new(Config(architecture, all.ToJsonString()), Forward);

        double[][] Forward(ReferenceModel model, int[] ids)
        {
            var x = model.Embed("model.embed_tokens", ids, OddVocabulary, OddHidden);
            for (var layer = 0; layer < 2; layer++)
            {
                var name = $"model.layers.{layer}";
                DenseAttention plain = new() { Frequencies = Frequencies(size, Theta) };
                x = Add(x, ((attention?.Invoke(model, $"{name}.self_attn") ?? plain) with
                {
                    Size = size, Heads = 3, KeyHeads = 1,
                }).Run(model, $"{name}.self_attn", model.RmsNorm($"{name}.input_layernorm", x, 1e-5)));
                var input = model.RmsNorm($"{name}.post_attention_layernorm", x, 1e-5);
                x = Add(x, Gated(model, $"{name}.mlp", input, OddInner, ReferenceModel.Silu));
            }

            return model.Linear("lm_head", model.RmsNorm("model.norm", x, 1e-5), OddVocabulary);
        }
    }
}
