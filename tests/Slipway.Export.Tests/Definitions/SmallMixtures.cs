using System.Text.Json.Nodes;
using static Slipway.Export.Tests.Definitions.ReferenceAttention;

namespace Slipway.Export.Tests.Definitions;

// Models with experts and plain attention.
internal static partial class SmallModels
{
    private static double[][] Qwen2Moe(
        ReferenceModel model, int[] ids, ReferenceSizes? given = null, int inner = ExpertSize, int shared = 48,
        int? window = null)
    {
        var sizes = given ?? new();
        return model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, layer, x) => Attention(
                model, $"{name}.self_attn", x, sizes, inputBias: true, window: layer == 0 ? window : null),
            (name, layer, x) => layer == 0
                ? model.Gated($"{name}.mlp", x, 96)
                : Shared(model, $"{name}.mlp", x, normalize: false, inner, shared));
    }

    private static double[][] Qwen3Moe(ReferenceModel model, int[] ids)
    {
        ReferenceSizes sizes = new();
        return model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, _, x) => Attention(
                model, $"{name}.self_attn", x, sizes, window: 6,
                change: (norm, states) => NormHeads(model, $"{name}.self_attn.{norm}", states, 16)),
            (name, layer, x) => layer == 0
                ? model.Gated($"{name}.mlp", x, 96)
                : model.Experts(
                    $"{name}.mlp.experts", x, ExpertSize,
                    ReferenceModel.Map(Probabilities(model, $"{name}.mlp.gate", x), row => Choose(row, row, 3))));
    }

    // Experts by probability, and one for all that a gate weighs.
    private static double[][] Shared(
        ReferenceModel model, string name, double[][] x, bool normalize, int inner = ExpertSize, int all = 48)
    {
        var weights = ReferenceModel.Map(
            Probabilities(model, $"{name}.gate", x), row => Choose(row, row, 3, normalize));
        var gate = model.Linear($"{name}.shared_expert_gate", x, 1);
        var shared = model.Gated($"{name}.shared_expert", x, all);
        var mixed = model.Experts($"{name}.experts", x, inner, weights);
        return [.. mixed.Select((row, at) => row
            .Select((value, i) => value + (ReferenceModel.Sigmoid(gate[at][0]) * shared[at][i])).ToArray())];
    }

    private static double[][] Olmoe(ReferenceModel model, int[] ids)
    {
        ReferenceSizes sizes = new();
        return model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, _, x) => Attention(
                model, $"{name}.self_attn", x, sizes,
                change: (norm, states) => model.RmsNorm($"{name}.self_attn.{norm}", states, Epsilon)),
            (name, _, x) => model.Experts(
                $"{name}.mlp.experts", x, 96,
                ReferenceModel.Map(Probabilities(model, $"{name}.mlp.gate", x), row => Choose(row, row, 3))));
    }

    private static double[][] GraniteMoe(ReferenceModel model, int[] ids)
    {
        ReferenceSizes sizes = new() { EmbeddingScale = 2 };
        var logits = model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, _, x) => Attention(model, $"{name}.self_attn", x, sizes, scale: 0.3),
            (name, _, x) => GraniteExperts(model, $"{name}.block_sparse_moe", x), residual: 0.7);
        return ReferenceModel.Map(logits, row => ReferenceModel.Scale(row, 0.25));
    }

    private static double[][] GraniteExperts(ReferenceModel model, string name, double[][] x)
    {
        const int inner = 96;
        var scores = model.Linear($"{name}.router.layer", x, Experts, spread: 0.5);
        var sum = ReferenceModel.Map(x, row => new double[row.Length]);
        var first = model.Tensor($"{name}.input_linear.weight", 0, 0.2, Experts, 2 * inner, 64);
        var second = model.Tensor($"{name}.output_linear.weight", 0, 0.2, Experts, 64, inner);
        for (var expert = 0; expert < Experts; expert++)
        {
            var both = ReferenceModel.Multiply(first, expert * 2 * inner, x, 2 * inner);
            var gated = ReferenceModel.Map(both, row => [.. row.Take(inner)
                .Zip(row.Skip(inner), (gate, up) => ReferenceModel.Silu(gate) * up)]);
            var output = ReferenceModel.Multiply(second, expert * 64, gated, 64);
            for (var at = 0; at < x.Length; at++)
            {
                var chosen = Max(scores[at], 3);
                var weights = Softmax([.. chosen.Select(index => scores[at][index])]);
                var weight = Array.IndexOf(chosen, expert) is >= 0 and var place ? weights[place] : 0;
                sum[at] = [.. sum[at].Zip(output[at], (a, b) => a + (weight * b))];
            }
        }

        return sum;
    }

    private static JsonObject PhiMoeConfig(int? original, int size = 16)
    {
        JsonArray factors = [.. Enumerable.Repeat(1.0, size / 2).Select(factor => (JsonNode)factor)];
        return Config("PhimoeForCausalLM", new JsonObject
        {
            ["num_local_experts"] = Experts, ["num_experts_per_tok"] = 2, ["attention_bias"] = true,
            ["lm_head_bias"] = true, ["router_jitter_noise"] = 0.3, ["head_dim"] = size,
            ["rope_scaling"] = original is null ? null : new JsonObject
            {
                ["type"] = "longrope", ["short_factor"] = factors, ["long_factor"] = factors.DeepClone(),
                ["short_mscale"] = 1.2, ["long_mscale"] = 1.4, ["original_max_position_embeddings"] = original,
            },
        });
    }

    // The scale of turned queries and of turned keys is that of scores, squared.
    private static double[][] PhiMoe(ReferenceModel model, int[] ids, double turned = 1, int size = 16)
    {
        ReferenceSizes sizes = new(HeadSize: size) { HeadBias = true };
        return model.Decoder(
            ids, sizes, (name, x) => model.LayerNorm(name, x, Epsilon),
            (name, _, x) => Attention(
                model, $"{name}.self_attn", x, sizes, inputBias: true, outputBias: true,
                scale: turned * turned / Math.Sqrt(sizes.HeadSize)),
            (name, _, x) => model.Experts(
                $"{name}.block_sparse_moe.experts", x, 96,
                ReferenceModel.Map(model.Linear($"{name}.block_sparse_moe.gate", x, Experts, spread: 0.5), Mix),
                "w1", "w3", "w2"));

        static double[] Mix(double[] scores)
        {
            var best = Max(scores, 2);
            var weights = new double[scores.Length];
            weights[best[0]] = Share(scores, best[0], -1);
            weights[best[1]] = Share(scores, best[1], best[0]);
            return weights;
        }

        // The softmax of one among those near it.
        static double Share(double[] scores, int one, int without)
        {
            var max = scores[one];
            return 1 / scores
                .Where((score, index) => index != without
                    && (max - score) / Math.Max(Math.Abs(score), max) <= 2 * 0.3)
                .Sum(score => Math.Exp(score - max));
        }
    }

    private static double[][] Glm4Moe(ReferenceModel model, int[] ids)
    {
        ReferenceSizes sizes = new(HeadSize: 32);
        return model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, _, x) => Attention(
                model, $"{name}.self_attn", x, sizes, inputBias: true, rotary: 8,
                change: (norm, states) => NormHeads(model, $"{name}.self_attn.{norm}", states, 32)),
            (name, layer, x) => layer == 0
                ? model.Gated($"{name}.mlp", x, 96)
                : Balanced(model, $"{name}.mlp", x, new(Groups: 1, ChosenGroups: 1, Chosen: 2, 1.5), ExpertSize));
    }

    private sealed record Routing(int Groups, int ChosenGroups, int Chosen, double Scale, bool Normalize = true);

    // Experts by sigmoids and a bias for the choice alone, and those that all share.
    private static double[][] Balanced(
        ReferenceModel model, string name, double[][] x, Routing routing, int shared)
    {
        var bias = model.Tensor($"{name}.gate.e_score_correction_bias", 0, 0.2, Experts);
        var weights = ReferenceModel.Map(Probabilities(model, $"{name}.gate", x, sigmoid: true), row =>
        {
            double[] ranks = [.. row.Zip(bias, (probability, added) => probability + added)];
            ranks = routing.Groups == 1 ? ranks : Confine(ranks, routing.Groups, routing.ChosenGroups, best: 2);
            return Choose(ranks, row, routing.Chosen, routing.Normalize, routing.Scale);
        });
        return ReferenceModel.Zip(
            model.Experts($"{name}.experts", x, ExpertSize, weights),
            model.Gated($"{name}.shared_experts", x, shared), (a, b) => a + b);
    }
}
