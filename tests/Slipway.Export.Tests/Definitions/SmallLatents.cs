using static Slipway.Export.Tests.Definitions.ReferenceAttention;

namespace Slipway.Export.Tests.Definitions;

// Models with latent and with linear attention.
internal static partial class SmallModels
{
    private static double[][] DeepSeekV2(
        ReferenceModel model, int[] ids, int rotary = 16, int latent = 32, int groups = 4) => model.Decoder(
        ids, new ReferenceSizes(), (name, x) => model.RmsNorm(name, x, Epsilon),
        (name, _, x) => LatentAttention(
            model, $"{name}.self_attn", x, rank: null, interleaved: true, bias: false, rotary, latent),
        (name, layer, x) =>
        {
            if (layer == 0)
            {
                return model.Gated($"{name}.mlp", x, 96);
            }

            var weights = ReferenceModel.Map(
                Probabilities(model, $"{name}.mlp.gate", x),
                row => Choose(groups == 1 ? row : Confine(row, groups, chosen: 2, best: 1), row, 3, scale: 1.5));
            return ReferenceModel.Zip(
                model.Experts($"{name}.mlp.experts", x, ExpertSize, weights),
                model.Gated($"{name}.mlp.shared_experts", x, 2 * ExpertSize), (a, b) => a + b);
        });

    private static double[][] DeepSeekV3(
        ReferenceModel model, int[] ids, int rotary = 16, int latent = 32, Routing? routing = null,
        double scoreFactor = 1)
    {
        // A layer that predicts a further token, which the model does without.
        model.Tensor("model.layers.2.eh_proj.weight", 0, 1, 64, 128);
        return model.Decoder(
            ids, new ReferenceSizes(), (name, x) => model.RmsNorm(name, x, Epsilon),
            (name, _, x) => LatentAttention(
                model, $"{name}.self_attn", x, rank: 24, interleaved: false, bias: true, rotary, latent,
                scoreFactor),
            (name, layer, x) => layer == 0
                ? model.Gated($"{name}.mlp", x, 96)
                : Balanced(
                    model, $"{name}.mlp", x, routing ?? new(Groups: 2, ChosenGroups: 1, Chosen: 2, 2.5),
                    shared: 2 * ExpertSize));
    }

    // Keys and values are made whole here, head by head.
    private static double[][] LatentAttention(
        ReferenceModel model, string name, double[][] x, int? rank, bool interleaved, bool bias, int rotary = 16,
        int latent = 32, double scoreFactor = 1)
    {
        const int heads = 4, plain = 24, value = 20;
        var query = rank is { } size
            ? model.Linear(
                $"{name}.q_b_proj",
                model.RmsNorm($"{name}.q_a_layernorm", model.Linear($"{name}.q_a_proj", x, size, bias), 1e-6),
                heads * (plain + rotary))
            : model.Linear($"{name}.q_proj", x, heads * (plain + rotary));
        var joined = model.Linear($"{name}.kv_a_proj_with_mqa", x, latent + rotary, bias);
        var turned = Turn(
            [.. joined.Select(row => row[latent..])], rotary, rotary, Theta, interleaved);
        var made = model.Linear(
            $"{name}.kv_b_proj",
            model.RmsNorm($"{name}.kv_a_layernorm", [.. joined.Select(row => row[..latent])], 1e-6),
            heads * (plain + value));
        double[][] keys = [.. made.Select((row, at) => row.Chunk(plain + value)
            .SelectMany(head => head[..plain].Concat(turned[at])).ToArray())];
        double[][] values = [.. made.Select(row => row.Chunk(plain + value)
            .SelectMany(head => head[plain..]).ToArray())];
        var attended = Attend(
            Turn(query, plain + rotary, rotary, Theta, interleaved, start: plain), keys, values, heads, heads,
            scoreFactor / Math.Sqrt(plain + rotary));
        return model.Linear($"{name}.o_proj", attended, 64, bias);
    }

    private static double[][] Qwen3Next(ReferenceModel model, int[] ids, int size = 32)
    {
        ReferenceSizes sizes = new(HeadSize: size);
        return model.Decoder(
            ids, sizes, (name, x) => model.RmsNorm(name, x, Epsilon, offset: 1),
            (name, layer, x) => layer == 0
                ? DeltaNet(model, $"{name}.linear_attn", x)
                : GatedAttention(model, $"{name}.self_attn", x, sizes),
            (name, _, x) => Shared(model, $"{name}.mlp", x, normalize: true));
    }

    private static double[][] GatedAttention(ReferenceModel model, string name, double[][] x, ReferenceSizes sizes)
    {
        var size = sizes.HeadSize;
        var both = model.Linear($"{name}.q_proj", x, 2 * sizes.Heads * size);
        double[][] query = [.. both.Select(row => row.Chunk(2 * size).SelectMany(head => head[..size]).ToArray())];
        double[][] gate = [.. both.Select(row => row.Chunk(2 * size).SelectMany(head => head[size..]).ToArray())];
        var key = model.Linear($"{name}.k_proj", x, sizes.KeyHeads * size);
        var value = model.Linear($"{name}.v_proj", x, sizes.KeyHeads * size);
        var attended = Attend(
            Turn(NormHeads(model, $"{name}.q_norm", query, size, offset: 1), size, size / 4, Theta),
            Turn(NormHeads(model, $"{name}.k_norm", key, size, offset: 1), size, size / 4, Theta), value, sizes.Heads,
            sizes.KeyHeads, 1 / Math.Sqrt(size));
        var gated = ReferenceModel.Zip(attended, gate, (a, g) => a * ReferenceModel.Sigmoid(g));
        return model.Linear($"{name}.o_proj", gated, sizes.Hidden);
    }

    // Two key heads of size 16; to each belong two value heads of size 8.
    private static double[][] DeltaNet(ReferenceModel model, string name, double[][] x)
    {
        const int keyHeads = 2, group = 2, keySize = 16, valueSize = 8, all = (2 * keySize) + (2 * group * valueSize);
        var joined = model.Linear($"{name}.in_proj_qkvz", x, keyHeads * all);
        var rates = model.Linear($"{name}.in_proj_ba", x, 2 * keyHeads * group);
        var mixed = Convolve(model, $"{name}.conv1d", [.. joined.Select(row => Take(row, 0, keySize)
            .Concat(Take(row, keySize, keySize)).Concat(Take(row, 2 * keySize, group * valueSize)).ToArray())]);
        var logs = model.Tensor($"{name}.A_log", 0, 1, keyHeads * group);
        var bias = model.Tensor($"{name}.dt_bias", 1, 0.5, keyHeads * group);
        var state = new double[keyHeads * group, keySize, valueSize];
        double[][] output = [.. x.Select(_ => new double[keyHeads * group * valueSize])];
        for (var at = 0; at < x.Length; at++)
        {
            double[] z = [.. Take(joined[at], (2 * keySize) + (group * valueSize), group * valueSize)];
            for (var head = 0; head < keyHeads * group; head++)
            {
                int shared = head / group, rate = (shared * 2 * group) + (head % group);
                var query = Unit(mixed[at].Skip(shared * keySize).Take(keySize));
                var key = Unit(mixed[at].Skip((keyHeads + shared) * keySize).Take(keySize));
                double[] value = [.. mixed[at].Skip((2 * keyHeads * keySize) + (head * valueSize)).Take(valueSize)];
                var beta = ReferenceModel.Sigmoid(rates[at][rate]);
                var decay = Math.Exp(
                    -Math.Exp(logs[head]) * Math.Log(1 + Math.Exp(rates[at][rate + group] + bias[head])));
                for (var j = 0; j < valueSize; j++)
                {
                    double known = 0;
                    for (var i = 0; i < keySize; i++)
                    {
                        state[head, i, j] *= decay;
                        known += state[head, i, j] * key[i];
                    }

                    for (var i = 0; i < keySize; i++)
                    {
                        state[head, i, j] += key[i] * (value[j] - known) * beta;
                        output[at][(head * valueSize) + j] += state[head, i, j] * query[i] / Math.Sqrt(keySize);
                    }
                }
            }

            var normed = model.RmsNorm($"{name}.norm", [.. output[at].Chunk(valueSize)], Epsilon);
            output[at] =
            [
                .. normed.SelectMany(head => head).Zip(z, (value, gate) => value * ReferenceModel.Silu(gate)),
            ];
        }

        return model.Linear($"{name}.out_proj", output, 64);

        static IEnumerable<double> Take(double[] row, int start, int count) =>
            row.Chunk(all).SelectMany(head => head.Skip(start).Take(count));
    }

    private static double[] Unit(IEnumerable<double> vector)
    {
        double[] values = [.. vector];
        return ReferenceModel.Scale(values, 1 / Math.Sqrt(values.Sum(value => value * value) + 1e-6));
    }

    // Each channel sees its own last four values.
    private static double[][] Convolve(ReferenceModel model, string name, double[][] x, float[]? bias = null)
    {
        const int kernel = 4;
        var weight = model.Tensor($"{name}.weight", 0, 0.6, x[0].Length, 1, kernel);
        return [.. x.Select((row, at) => row.Select((_, channel) => ReferenceModel.Silu(
            (bias?[channel] ?? 0) + Enumerable.Range(0, kernel)
                .Where(tap => at - kernel + 1 + tap >= 0)
                .Sum(tap => x[at - kernel + 1 + tap][channel] * weight[(channel * kernel) + tap]))).ToArray())];
    }
}
