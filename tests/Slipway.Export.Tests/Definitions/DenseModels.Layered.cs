using static Slipway.Export.Tests.Definitions.DenseToolbox;

namespace Slipway.Export.Tests.Definitions;

// Norms with a mean, parallel blocks, feed-forward blocks without gates; under Llama's names.
internal static partial class DenseModels
{
    private static Dictionary<string, Definition> Layered() => new()
    {
        ["phi"] = new(Config("PhiForCausalLM"), (model, ids) => Phi(model, ids, normed: false, 0.5)),
        ["phi-qk-norm"] = new(
            Config(
                "PhiForCausalLM", """{"qk_layernorm": true, "partial_rotary_factor": 0.25, "layer_norm_eps": 1e-4}"""),
            (model, ids) => Phi(model, ids, normed: true, 0.25, 1e-4)),
        ["stablelm"] = new(
            Config("StableLmForCausalLM", """{"use_qkv_bias": true}"""),
            (model, ids) => StableLm(model, ids, parallel: false, 4)),
        ["stablelm-parallel"] = new(
            Config(
                "StableLmForCausalLM",
                """{"use_parallel_residual": true, "qk_layernorm": true, "rope_parameters": {"rope_type": "default", "rope_theta": 10000, "partial_rotary_factor": 0.5}}"""),
            (model, ids) => StableLm(model, ids, parallel: true, 8)),
        ["starcoder2"] = new(
            Config("Starcoder2ForCausalLM", """{"sliding_window": 6, "tie_word_embeddings": true, "use_bias": true}"""),
            Starcoder2),
        ["cohere"] = new(
            Config("CohereForCausalLM", """{"use_qk_norm": true, "tie_word_embeddings": true, "logit_scale": 0.25}"""),
            (model, ids) => Cohere(model, ids, 2, _ => null, everywhere: true)),
        ["cohere2"] = new(
            Config("Cohere2ForCausalLM",
            """{"num_hidden_layers": 4, "sliding_window": 6, "sliding_window_pattern": 3, "tie_word_embeddings": true, "logit_scale": 0.25}"""),
            (model, ids) => Cohere(model, ids, 4, layer => layer == 2 ? null : Window, everywhere: false)),
        ["nemotron"] = new(Config("NemotronForCausalLM", """{"norm_eps": 1e-5}"""), Nemotron),
        ["olmo"] = new(Config("OlmoForCausalLM", """{"clip_qkv": 0.4}"""), Olmo),
    };

    private static double[][] Phi(
        ReferenceModel model, int[] ids, bool normed, double share, double epsilon = 1e-5, int size = HeadSize)
    {
        return Decoder(
            model, ids, 2, Layer, (name, x) => LayerNorm(model, name, x, epsilon), "model.final_layernorm",
            headBias: true);

        double[][] Layer(string name, int index, double[][] x)
        {
            var attention = $"{name}.self_attn";
            var input = LayerNorm(model, $"{name}.input_layernorm", x, epsilon);
            var attended = new DenseAttention
            {
                InputBias = true, OutputBias = true, Output = "dense", Size = size,
                Frequencies = Frequencies((int)(size * share), Theta),
                Before = (part, states) => !normed ? states : ByHead(
                    states, size,
                    (_, head) => LayerNorm(model, $"{attention}.{part}_layernorm", [head], epsilon)[0]),
            }.Run(model, attention, input);
            var fed = Feed(model, $"{name}.mlp.fc1", $"{name}.mlp.fc2", input, Inner, GeluTanh, bias: true);
            return Add(Add(attended, fed), x);
        }
    }

    private static double[][] StableLm(
        ReferenceModel model, int[] ids, bool parallel, int rotary, int size = HeadSize)
    {
        return Decoder(model, ids, 2, Layer, (name, x) => LayerNorm(model, name, x, 1e-5));

        double[][] Layer(string name, int index, double[][] x)
        {
            var attention = $"{name}.self_attn";
            var input = LayerNorm(model, $"{name}.input_layernorm", x, 1e-5);
            var attended = new DenseAttention
            {
                InputBias = !parallel, Frequencies = Frequencies(rotary, Theta), Size = size,
                Before = (part, states) => !parallel ? states : ByHead(
                    states, size, (head, row) => LayerNorm(
                        model, $"{attention}.{part}_layernorm.norms.{head}", [row], 1e-5, bias: false)[0]),
            }.Run(model, attention, input);
            if (parallel)
            {
                return Add(Add(x, attended), Gated(model, $"{name}.mlp", input, Inner, ReferenceModel.Silu));
            }

            x = Add(x, attended);
            input = LayerNorm(model, $"{name}.post_attention_layernorm", x, 1e-5);
            return Add(x, Gated(model, $"{name}.mlp", input, Inner, ReferenceModel.Silu));
        }
    }

    private static double[][] Starcoder2(ReferenceModel model, int[] ids)
    {
        return Decoder(model, ids, 2, Layer, (name, x) => LayerNorm(model, name, x, 1e-5), tied: true);

        double[][] Layer(string name, int index, double[][] x)
        {
            x = Add(x, new DenseAttention { InputBias = true, OutputBias = true, Window = Window }
                .Run(model, $"{name}.self_attn", LayerNorm(model, $"{name}.input_layernorm", x, 1e-5)));
            var input = LayerNorm(model, $"{name}.post_attention_layernorm", x, 1e-5);
            return Add(x, Feed(model, $"{name}.mlp.c_fc", $"{name}.mlp.c_proj", input, Inner, GeluTanh, bias: true));
        }
    }

    private static double[][] Cohere(
        ReferenceModel model, int[] ids, int layers, Func<int, int?> window, bool everywhere, int size = HeadSize)
    {
        return Times(
            Decoder(
                model, ids, layers, Layer, (name, x) => LayerNorm(model, name, x, 1e-5, bias: false), tied: true),
            0.25);

        double[][] Layer(string name, int index, double[][] x)
        {
            var input = LayerNorm(model, $"{name}.input_layernorm", x, 1e-5, bias: false);
            var attended = new DenseAttention
            {
                Interleaved = true, Window = window(index), Size = size,
                Frequencies = everywhere || window(index) is not null ? Frequencies(size, Theta) : null,
                Before = (part, states) => everywhere ? Normed($"{name}.self_attn.{part}_norm", states) : states,
            }.Run(model, $"{name}.self_attn", input);
            return Add(Add(x, attended), Gated(model, $"{name}.mlp", input, Inner, ReferenceModel.Silu));
        }

        double[][] Normed(string name, double[][] states)
        {
            var weight = model.Tensor($"{name}.weight", 1, 0.3, states[0].Length / size, size);
            return ByHead(states, size, (head, row) =>
                [.. Center(row, 1e-5).Select((value, i) => value * weight[(head * size) + i])]);
        }
    }

    private static double[][] Nemotron(ReferenceModel model, int[] ids)
    {
        return Decoder(model, ids, 2, Layer, (name, x) => LayerNorm(model, name, x, 1e-5, offset: 1));

        double[][] Layer(string name, int index, double[][] x)
        {
            x = Add(x, new DenseAttention { Frequencies = Frequencies(8, Theta) }
                .Run(model, $"{name}.self_attn", LayerNorm(model, $"{name}.input_layernorm", x, 1e-5, offset: 1)));
            var input = LayerNorm(model, $"{name}.post_attention_layernorm", x, 1e-5, offset: 1);
            return Add(x, Feed(
                model, $"{name}.mlp.up_proj", $"{name}.mlp.down_proj", input, Inner, SquaredRelu, bias: false));
        }
    }

    private static double[][] Olmo(ReferenceModel model, int[] ids)
    {
        return Decoder(model, ids, 2, Layer, (_, x) => Normed(x));

        double[][] Layer(string name, int index, double[][] x)
        {
            x = Add(x, new DenseAttention { Limit = value => Math.Clamp(value, -0.4, 0.4) }
                .Run(model, $"{name}.self_attn", Normed(x)));
            return Add(x, Gated(model, $"{name}.mlp", Normed(x), Inner, ReferenceModel.Silu));
        }

        static double[][] Normed(double[][] x) => ReferenceModel.Map(x, row => Center(row, 1e-5));
    }
}
