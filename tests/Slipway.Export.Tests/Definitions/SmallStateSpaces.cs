using System.Text.Json.Nodes;

namespace Slipway.Export.Tests.Definitions;

// Models with state spaces.
internal static partial class SmallModels
{
    private const int SpaceHeads = 8, SpaceSize = 16, SpaceGroups = 2, SpaceState = 12;

    private static JsonObject HybridConfig(int experts)
    {
        var config = Config("GraniteMoeHybridForCausalLM", new JsonObject
        {
            ["num_local_experts"] = experts, ["num_experts_per_tok"] = 3, ["embedding_multiplier"] = 2,
            ["attention_multiplier"] = 0.3, ["residual_multiplier"] = 0.7, ["logits_scaling"] = 4,
            ["shared_intermediate_size"] = 80, ["mamba_n_heads"] = SpaceHeads, ["mamba_d_head"] = "auto",
            ["mamba_n_groups"] = SpaceGroups, ["mamba_d_state"] = SpaceState, ["mamba_d_conv"] = 4,
            ["mamba_expand"] = 2, ["mamba_conv_bias"] = true, ["mamba_proj_bias"] = true,
        });
        config["layer_types"] = new JsonArray("mamba", "attention");
        return config;
    }

    private static JsonObject Mamba2Config() => new()
    {
        ["architectures"] = new JsonArray("Mamba2ForCausalLM"), ["hidden_act"] = "silu", ["hidden_size"] = 64,
        ["num_hidden_layers"] = 2, ["num_heads"] = SpaceHeads, ["head_dim"] = SpaceSize, ["n_groups"] = SpaceGroups,
        ["state_size"] = SpaceState, ["conv_kernel"] = 4, ["expand"] = 2, ["use_bias"] = false, ["vocab_size"] = 48,
        ["use_conv_bias"] = true, ["layer_norm_epsilon"] = Epsilon, ["tie_word_embeddings"] = false,
        ["time_step_limit"] = new JsonArray(0.0, "Infinity"),
    };

    private static JsonObject Lfm2Config()
    {
        var config = Config("Lfm2ForCausalLM", new JsonObject
        {
            ["intermediate_size"] = 144, ["block_auto_adjust_ff_dim"] = true, ["block_multiple_of"] = 32,
            ["block_ffn_dim_multiplier"] = 1.0, ["norm_eps"] = Epsilon, ["conv_L_cache"] = 4, ["conv_bias"] = true,
        });
        config["layer_types"] = new JsonArray("conv", "full_attention");
        return config;
    }

    // Its names are its own, so it does not go through the common decoder.
    private static double[][] Lfm2(ReferenceModel model, int[] ids)
    {
        ReferenceSizes sizes = new();
        var x = model.Embed("model.embed_tokens", ids, sizes.Vocabulary, sizes.Hidden);
        for (var layer = 0; layer < sizes.Layers; layer++)
        {
            var name = $"model.layers.{layer}";
            var normed = model.RmsNorm($"{name}.operator_norm", x, Epsilon);
            var mixed = layer == 0
                ? ShortConvolution(model, $"{name}.conv", normed)
                : Lfm2Attention(model, $"{name}.self_attn", normed, sizes);
            x = ReferenceModel.Zip(x, mixed, (a, b) => a + b);
            var fed = model.Gated(
                $"{name}.feed_forward", model.RmsNorm($"{name}.ffn_norm", x, Epsilon), 96, "w1", "w3", "w2");
            x = ReferenceModel.Zip(x, fed, (a, b) => a + b);
        }

        return model.Linear("lm_head", model.RmsNorm("model.embedding_norm", x, Epsilon), sizes.Vocabulary);
    }

    private static double[][] Lfm2Attention(ReferenceModel model, string name, double[][] x, ReferenceSizes sizes)
    {
        var query = NormHeads(
            model, $"{name}.q_layernorm", model.Linear($"{name}.q_proj", x, sizes.Heads * sizes.HeadSize), 16);
        var key = NormHeads(
            model, $"{name}.k_layernorm", model.Linear($"{name}.k_proj", x, sizes.KeyHeads * sizes.HeadSize), 16);
        var attended = ReferenceAttention.Attend(
            ReferenceAttention.Turn(query, 16, 16, Theta), ReferenceAttention.Turn(key, 16, 16, Theta),
            model.Linear($"{name}.v_proj", x, sizes.KeyHeads * sizes.HeadSize), sizes.Heads, sizes.KeyHeads, 0.25);
        return model.Linear($"{name}.out_proj", attended, sizes.Hidden);
    }

    private static double[][] ShortConvolution(ReferenceModel model, string name, double[][] x)
    {
        const int size = 64, kernel = 4;
        var projected = model.Linear($"{name}.in_proj", x, 3 * size, bias: true);
        var weight = model.Tensor($"{name}.conv.weight", 0, 0.6, size, 1, kernel);
        var bias = model.Tensor($"{name}.conv.bias", 0, 0.3, size);
        double[][] mixed = [.. x.Select((_, at) => Enumerable.Range(0, size).Select(channel =>
            projected[at][size + channel] * (bias[channel] + Enumerable.Range(0, kernel)
                .Select(tap => (Tap: tap, Place: at - kernel + 1 + tap)).Where(seen => seen.Place >= 0)
                .Sum(seen => projected[seen.Place][channel] * projected[seen.Place][(2 * size) + channel]
                    * weight[(channel * kernel) + seen.Tap]))).ToArray())];
        return model.Linear($"{name}.out_proj", mixed, size, bias: true);
    }

    private static double[][] GraniteHybrid(ReferenceModel model, int[] ids, bool experts)
    {
        ReferenceSizes sizes = new() { EmbeddingScale = 2 };
        var logits = model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, layer, x) => layer == 0
                ? Space(model, $"{name}.mamba", x, bias: true)
                : Attention(model, $"{name}.self_attn", x, sizes, rotary: 0, scale: 0.3),
            (name, _, x) =>
            {
                var both = model.Linear($"{name}.shared_mlp.input_linear", x, 160);
                var shared = model.Linear($"{name}.shared_mlp.output_linear", ReferenceModel.Map(both, row =>
                    [.. row.Take(80).Zip(row.Skip(80), (gate, up) => ReferenceModel.Silu(gate) * up)]), 64);
                return experts
                    ? ReferenceModel.Zip(shared, GraniteExperts(model, $"{name}.block_sparse_moe", x), (a, b) => a + b)
                    : shared;
            },
            residual: 0.7);
        return ReferenceModel.Map(logits, row => ReferenceModel.Scale(row, 0.25));
    }

    private static double[][] Mamba2(ReferenceModel model, int[] ids)
    {
        var x = model.Embed("backbone.embeddings", ids, 48, 64);
        for (var layer = 0; layer < 2; layer++)
        {
            var name = $"backbone.layers.{layer}";
            var normed = model.RmsNorm($"{name}.norm", x, Epsilon);
            x = ReferenceModel.Zip(x, Space(model, $"{name}.mixer", normed, bias: false), (a, b) => a + b);
        }

        return model.Linear("lm_head", model.RmsNorm("backbone.norm_f", x, Epsilon), 48);
    }

    private static double[][] Space(ReferenceModel model, string name, double[][] x, bool bias)
    {
        const int inner = SpaceHeads * SpaceSize, shared = SpaceGroups * SpaceState;
        var projected = model.Linear(
            $"{name}.in_proj", x, (2 * inner) + (2 * shared) + SpaceHeads, bias);
        var kernelBias = model.Tensor($"{name}.conv1d.bias", 0, 0.3, inner + (2 * shared));
        var mixed = Convolve(
            model, $"{name}.conv1d", [.. projected.Select(row => row[inner..^SpaceHeads])], kernelBias);
        var logs = model.Tensor($"{name}.A_log", 0, 1, SpaceHeads);
        var steps = model.Tensor($"{name}.dt_bias", 0, 1, SpaceHeads);
        var direct = model.Tensor($"{name}.D", 1, 0.5, SpaceHeads);
        var state = new double[SpaceHeads, SpaceState, SpaceSize];
        double[][] output = [.. x.Select((_, at) =>
        {
            var row = new double[inner];
            for (var head = 0; head < SpaceHeads; head++)
            {
                int write = inner + (head / (SpaceHeads / SpaceGroups) * SpaceState), read = write + shared;
                var step = Math.Log(1 + Math.Exp(projected[at][^SpaceHeads..][head] + steps[head]));
                var decay = Math.Exp(-Math.Exp(logs[head]) * step);
                for (var i = 0; i < SpaceSize; i++)
                {
                    var place = (head * SpaceSize) + i;
                    row[place] = direct[head] * mixed[at][place];
                    for (var j = 0; j < SpaceState; j++)
                    {
                        state[head, j, i] =
                            (state[head, j, i] * decay) + (step * mixed[at][write + j] * mixed[at][place]);
                        row[place] += state[head, j, i] * mixed[at][read + j];
                    }

                    row[place] *= ReferenceModel.Silu(projected[at][place]);
                }
            }

            return row;
        })];
        return model.Linear($"{name}.out_proj", model.RmsNorm($"{name}.norm", output, Epsilon), 64, bias);
    }
}
