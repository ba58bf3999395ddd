using System.Text.Json.Nodes;

namespace Slipway.Export.Tests.Definitions;

// Models with state spaces.
internal static partial class SmallModels
{
    private const int SpaceHeads = 8, SpaceSize = 16, SpaceGroups = 2, SpaceState = 12;

    private static JsonObject HybridConfig(int experts)
    {
        JsonObject config = Config("GraniteMoeHybridForCausalLM", new JsonObject
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

    private static double[][] GraniteHybrid(ReferenceModel model, int[] ids, bool experts)
    {
        ReferenceSizes sizes = new() { EmbeddingScale = 2 };
        double[][] logits = model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, layer, x) => layer == 0
                ? Space(model, $"{name}.mamba", x, bias: true)
                : Attention(model, $"{name}.self_attn", x, sizes, rotary: 0, scale: 0.3),
            (name, _, x) =>
            {
                double[][] both = model.Linear($"{name}.shared_mlp.input_linear", x, 160);
                double[][] shared = model.Linear($"{name}.shared_mlp.output_linear", ReferenceModel.Map(both, row =>
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
        double[][] x = model.Embed("backbone.embeddings", ids, 48, 64);
        for (int layer = 0; layer < 2; layer++)
        {
            string name = $"backbone.layers.{layer}";
            double[][] normed = model.RmsNorm($"{name}.norm", x, Epsilon);
            x = ReferenceModel.Zip(x, Space(model, $"{name}.mixer", normed, bias: false), (a, b) => a + b);
        }

        return model.Linear("lm_head", model.RmsNorm("backbone.norm_f", x, Epsilon), 48);
    }

    private static double[][] Space(ReferenceModel model, string name, double[][] x, bool bias)
    {
        const int inner = SpaceHeads * SpaceSize, shared = SpaceGroups * SpaceState;
        double[][] projected = model.Linear(
            $"{name}.in_proj", x, (2 * inner) + (2 * shared) + SpaceHeads, bias);
        float[] kernelBias = model.Tensor($"{name}.conv1d.bias", 0, 0.3, inner + (2 * shared));
        double[][] mixed = Convolve(
            model, $"{name}.conv1d", [.. projected.Select(row => row[inner..^SpaceHeads])], kernelBias);
        float[] logs = model.Tensor($"{name}.A_log", 0, 1, SpaceHeads);
        float[] steps = model.Tensor($"{name}.dt_bias", 0, 1, SpaceHeads);
        float[] direct = model.Tensor($"{name}.D", 1, 0.5, SpaceHeads);
        double[,,] state = new double[SpaceHeads, SpaceState, SpaceSize];
        double[][] output = [.. x.Select((_, at) =>
        {
            double[] row = new double[inner];
            for (int head = 0; head < SpaceHeads; head++)
            {
                int write = inner + (head / (SpaceHeads / SpaceGroups) * SpaceState), read = write + shared;
                double step = Math.Log(1 + Math.Exp(projected[at][^SpaceHeads..][head] + steps[head]));
                double decay = Math.Exp(-Math.Exp(logs[head]) * step);
                for (int i = 0; i < SpaceSize; i++)
                {
                    int place = (head * SpaceSize) + i;
                    row[place] = direct[head] * mixed[at][place];
                    for (int j = 0; j < SpaceState; j++)
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
