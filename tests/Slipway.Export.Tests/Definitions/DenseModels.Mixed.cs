using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Kin of Llama with norms without a mean.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Mixed() => new()
    {
        ["arcee"] = new(Config("ArceeForCausalLM", """{"rms_norm_eps": 1e-5, "mlp_bias": true}"""), (model, ids) =>
            Plain(model, ids, new(), 1e-5, feed: (name, x) => Feed(
                model, $"{name}.up_proj", $"{name}.down_proj", x, Inner, SquaredRelu, bias: true))),
        ["ernie4_5"] = new(
            Config("Ernie4_5ForCausalLM",
            """{"rms_norm_eps": 1e-5, "use_bias": true, "head_dim": 16, "tie_word_embeddings": true}"""),
            (model, ids) => Plain(
                model, ids, new() { Interleaved = true, InputBias = true, OutputBias = true }, 1e-5, tied: true,
                feed: (name, x) => Gated(model, name, x, Inner, ReferenceModel.Silu, bias: true))),
        ["exaone4"] = new(
            Config("Exaone4ForCausalLM",
            """{"num_hidden_layers": 4, "sliding_window": 6, "sliding_window_pattern": 3, "rms_norm_eps": 1e-5}"""),
            (model, ids) => After(model, ids, 4, layer => layer == 2
                ? new() { Frequencies = null }
                : new() { Window = Window }, whole: false)),
        ["exaone4-no-window"] = new(
            Config("Exaone4ForCausalLM", """{"sliding_window": null, "rms_norm_eps": 1e-5}"""),
            (model, ids) => After(model, ids, 2, _ => new(), whole: false)),
        ["glm4"] = new(
            Config("Glm4ForCausalLM",
            """{"head_dim": 16, "attention_bias": true, "rms_norm_eps": 1e-5, "partial_rotary_factor": 0.5}"""),
            Glm4),
        ["hunyuan"] = new(
            Config("HunYuanDenseV1ForCausalLM",
            """{"head_dim": 16, "rms_norm_eps": 1e-5, "rope_scaling": {"type": "dynamic", "factor": 1.0, "alpha": 50.0}}"""),
            (model, ids) => HunYuan(model, ids)),
        ["ministral"] = new(
            Config("MinistralForCausalLM",
            """{"rms_norm_eps": 1e-6, "sliding_window": 6, "layer_types": ["sliding_attention", "full_attention"]}"""),
            (model, ids) => Plain(
                model, ids, new(), 1e-6, attention: layer => new() { Window = layer == 0 ? Window : null })),
        ["olmo3"] = new(
            Config("Olmo3ForCausalLM",
            """{"num_hidden_layers": 4, "sliding_window": 6, "rms_norm_eps": 1e-5, "rope_scaling": {"rope_type": "linear", "factor": 4}}"""),
            (model, ids) => After(model, ids, 4, layer => layer == 3
                ? new() { Frequencies = [.. Frequencies(HeadSize, Theta).Select(frequency => frequency / 4)] }
                : new() { Window = Window }, whole: true)),
        ["seed-oss"] = new(
            Config("SeedOssForCausalLM",
            """{"head_dim": 16, "attention_bias": true, "attention_out_bias": false, "rms_norm_eps": 1e-6}"""),
            (model, ids) => Plain(model, ids, new() { InputBias = true }, 1e-6)),
    };

    // Llama with other attention or feed-forward blocks.
    private static double[][] Plain(
        ReferenceModel model, int[] ids, DenseAttention common, double epsilon,
        Func<string, double[][], double[][]>? feed = null, Func<int, DenseAttention>? attention = null,
        bool tied = false, double offset = 0, double embeddingScale = 1)
    {
        return Decoder(
            model, ids, 2, Layer, (name, x) => model.RmsNorm(name, x, epsilon, offset), tied: tied,
            embeddingScale: embeddingScale);

        double[][] Layer(string name, int index, double[][] x)
        {
            var input = model.RmsNorm($"{name}.input_layernorm", x, epsilon, offset);
            x = Add(x, (attention?.Invoke(index) ?? common).Run(model, $"{name}.self_attn", input));
            input = model.RmsNorm($"{name}.post_attention_layernorm", x, epsilon, offset);
            return Add(x, feed is null
                ? Gated(model, $"{name}.mlp", input, Inner, ReferenceModel.Silu)
                : feed($"{name}.mlp", input));
        }
    }

    // Norms after each block instead of before, and over queries and keys.
    private static double[][] After(
        ReferenceModel model, int[] ids, int layers, Func<int, DenseAttention> attention, bool whole,
        int size = HeadSize)
    {
        return Decoder(model, ids, layers, Layer, (name, x) => model.RmsNorm(name, x, 1e-5));

        double[][] Layer(string name, int index, double[][] x)
        {
            var attended = (attention(index) with
            {
                Before = (part, states) => whole
                    ? model.RmsNorm($"{name}.self_attn.{part}_norm", states, 1e-5)
                    : ByHead(states, size, (_, head) =>
                        model.RmsNorm($"{name}.self_attn.{part}_norm", [head], 1e-5)[0]),
            }).Run(model, $"{name}.self_attn", x);
            x = Add(x, model.RmsNorm($"{name}.post_attention_layernorm", attended, 1e-5));
            var fed = Gated(model, $"{name}.mlp", x, Inner, ReferenceModel.Silu);
            return Add(x, model.RmsNorm($"{name}.post_feedforward_layernorm", fed, 1e-5));
        }
    }

    private static double[][] Glm4(ReferenceModel model, int[] ids)
    {
        return Decoder(model, ids, 2, Layer, (name, x) => model.RmsNorm(name, x, 1e-5));

        double[][] Layer(string name, int index, double[][] x)
        {
            var attended = new DenseAttention
            {
                InputBias = true, Interleaved = true, Frequencies = Frequencies(8, Theta),
            }.Run(model, $"{name}.self_attn", model.RmsNorm($"{name}.input_layernorm", x, 1e-5));
            x = Add(x, model.RmsNorm($"{name}.post_self_attn_layernorm", attended, 1e-5));
            var both = model.Linear(
                $"{name}.mlp.gate_up_proj", model.RmsNorm($"{name}.post_attention_layernorm", x, 1e-5), 2 * Inner);
            var gated = ReferenceModel.Zip(
                Columns(both, 0, Inner), Columns(both, Inner, Inner), (gate, up) => ReferenceModel.Silu(gate) * up);
            var fed = model.Linear($"{name}.mlp.down_proj", gated, Hidden);
            return Add(x, model.RmsNorm($"{name}.post_mlp_layernorm", fed, 1e-5));
        }
    }

    private static double[][] HunYuan(ReferenceModel model, int[] ids, int size = HeadSize)
    {
        var theta = Theta * Math.Pow(50, size / (size - 2.0));
        return Decoder(model, ids, 2, Layer, (name, x) => model.RmsNorm(name, x, 1e-5));

        double[][] Layer(string name, int index, double[][] x)
        {
            var attended = new DenseAttention
            {
                Frequencies = Frequencies(size, theta), Size = size,
                After = (part, states) => ByHead(states, size, (_, head) => model.RmsNorm(
                    $"{name}.self_attn.{(part == "q" ? "query" : "key")}_layernorm", [head], 1e-5)[0]),
            }.Run(model, $"{name}.self_attn", model.RmsNorm($"{name}.input_layernorm", x, 1e-5));
            x = Add(x, attended);
            var input = model.RmsNorm($"{name}.post_attention_layernorm", x, 1e-5);
            return Add(x, Gated(model, $"{name}.mlp", input, Inner, ReferenceModel.Silu));
        }
    }
}
