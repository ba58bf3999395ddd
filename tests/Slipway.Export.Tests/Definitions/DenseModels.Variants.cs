using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Other configurations of architectures that have references, and those that are nearly the same.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Variants() => new()
    {
        ["llama-linear"] = new(
            Config("LlamaForCausalLM", """{"rms_norm_eps": 1e-5, "rope_scaling": {"type": "linear", "factor": 2.5}}"""),
            (model, ids) => Plain(
                model, ids,
                new() { Frequencies = [.. Frequencies(HeadSize, Theta).Select(frequency => frequency / 2.5)] }, 1e-5)),
        ["llama-dynamic"] = new(
            Config("LlamaForCausalLM",
            """{"rms_norm_eps": 1e-5, "rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000, "factor": 4}}"""),
            (model, ids) => Plain(model, ids, new(), 1e-5)),
        ["llama-own-keys"] = new(
            Config("LlamaForCausalLM", """{"rms_norm_eps": 1e-5, "num_key_value_heads": 4}"""),
            (model, ids) => Plain(model, ids, new() { KeyHeads = Heads }, 1e-5)),
        ["llama-one-key"] = new(
            Config("LlamaForCausalLM", """{"rms_norm_eps": 1e-5, "num_key_value_heads": 1}"""),
            (model, ids) => Plain(model, ids, new() { KeyHeads = 1 }, 1e-5)),
        ["smollm3-windows"] = new(
            Config(
                "SmolLM3ForCausalLM",
                """{"no_rope_layers": [1, 0], "use_sliding_window": true, "sliding_window": 6}"""),
            (model, ids) => Plain(
                model, ids, new(), 1e-6,
                attention: layer => layer == 0 ? new() : new() { Window = Window, Frequencies = null })),
        ["mistral"] = new(
            Config("MistralForCausalLM", """{"rms_norm_eps": 1e-5, "sliding_window": null}"""),
            (model, ids) => Plain(model, ids, new(), 1e-5)),
        ["phi3-window"] = new(Config("Phi3ForCausalLM", """{"rms_norm_eps": 1e-5, "sliding_window": 6}"""),
            (model, ids) => Phi3(model, ids, Frequencies(HeadSize, Theta), 1, Window)),
        ["gemma"] = new(
            Config("GemmaForCausalLM",
            """{"rms_norm_eps": 1e-6, "head_dim": 16, "tie_word_embeddings": true, "hidden_act": "gelu_pytorch_tanh"}"""),
            (model, ids) => Plain(
                model, ids, new(), 1e-6, (name, x) => Gated(model, name, x, Inner, GeluTanh), tied: true, offset: 1,
                embeddingScale: Math.Sqrt(Hidden))),
        ["gemma3-pattern"] = new(
            Config(
                "Gemma3ForCausalLM",
                """
                {"num_hidden_layers": 3, "head_dim": 16, "query_pre_attn_scalar": 16, "sliding_window": 6,
                 "tie_word_embeddings": true, "rope_theta": 1000000, "rope_local_base_freq": 10000,
                 "rope_scaling": {"rope_type": "linear", "factor": 8},
                 "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}
                """),
            Gemma3),
    };

    private static double[][] Phi3(
        ReferenceModel model, int[] ids, double[] frequencies, double scoreFactor, int? window)
    {
        return Decoder(model, ids, 2, Layer, (name, x) => model.RmsNorm(name, x, 1e-5));

        double[][] Layer(string name, int index, double[][] x)
        {
            const int keys = KeyHeads * HeadSize;
            var all = model.Linear(
                $"{name}.self_attn.qkv_proj", model.RmsNorm($"{name}.input_layernorm", x, 1e-5), Hidden + (2 * keys));
            var attended = Attend(
                Turn(Columns(all, 0, Hidden), HeadSize, frequencies),
                Turn(Columns(all, Hidden, keys), HeadSize, frequencies), Columns(all, Hidden + keys, keys), Heads,
                KeyHeads, 0.25 * scoreFactor, window);
            x = Add(x, model.Linear($"{name}.self_attn.o_proj", attended, Hidden));
            var both = model.Linear(
                $"{name}.mlp.gate_up_proj", model.RmsNorm($"{name}.post_attention_layernorm", x, 1e-5), 2 * Inner);
            return Add(x, model.Linear(
                $"{name}.mlp.down_proj", ReferenceModel.Zip(
                    Columns(both, 0, Inner), Columns(both, Inner, Inner),
                    (gate, up) => ReferenceModel.Silu(gate) * up), Hidden));
        }
    }

    private static double[][] Gemma3(ReferenceModel model, int[] ids)
    {
        return Decoder(
            model, ids, 3, Layer, Normed, tied: true, embeddingScale: Math.Sqrt(Hidden));

        double[][] Normed(string name, double[][] x) => model.RmsNorm(name, x, 1e-6, offset: 1);

        double[][] Layer(string name, int index, double[][] x)
        {
            var attended = new DenseAttention
            {
                Window = index == 1 ? null : Window,
                Frequencies = index == 1
                    ? [.. Frequencies(HeadSize, 1000000).Select(frequency => frequency / 8)]
                    : Frequencies(HeadSize, 10000),
                Before = (part, states) => ByHead(
                    states, HeadSize, (_, head) => Normed($"{name}.self_attn.{part}_norm", [head])[0]),
            }.Run(model, $"{name}.self_attn", Normed($"{name}.input_layernorm", x));
            x = Add(x, Normed($"{name}.post_attention_layernorm", attended));
            var fed = Gated(
                model, $"{name}.mlp", Normed($"{name}.pre_feedforward_layernorm", x), Inner, GeluTanh);
            return Add(x, Normed($"{name}.post_feedforward_layernorm", fed));
        }
    }
}
