using System.Text.Json.Nodes;
using static Slipway.Export.Tests.Definitions.ReferenceAttention;
using static Slipway.Export.Tests.Definitions.ReferenceModel;

namespace Slipway.Export.Tests.Definitions;

/// <summary>
/// Small encoders written down from their definitions; a text is ids, of which the last ones may be padding.
/// </summary>
internal static class SmallEncoders
{
    public const int Vocabulary = 40, Size = 48, Inner = 80, Heads = 3, Layers = 3, Labels = 4;
    private const double Epsilon = 1e-5;

    /// <summary>A text: ids, how many of them are no padding, and types.</summary>
    public sealed record Passage(int[] Ids, int Length, int[] Types)
    {
        public bool Seen(int position) => position < Length;
    }

    /// <summary>The last hidden states of BERT and of what is built like it.</summary>
    /// <param name="model">The tensors.</param>
    /// <param name="body">The prefix of the layers' names, with its dot; may be empty.</param>
    /// <param name="text">The text.</param>
    /// <param name="padding">The padding's id that positions count from; null where they count from 0.</param>
    /// <param name="types">The number of types of tokens.</param>
    public static double[][] Bert(ReferenceModel model, string body, Passage text, int? padding = null, int types = 2)
    {
        var x = Embed(model, $"{body}embeddings", text, padding);
        x = Zip(x, model.Embed($"{body}embeddings.token_type_embeddings", text.Types, types, Size), Plus);
        x = model.LayerNorm($"{body}embeddings.LayerNorm", x, Epsilon);
        for (var layer = 0; layer < Layers; layer++)
        {
            var name = $"{body}encoder.layer.{layer}";
            var self = $"{name}.attention.self";
            var attended = Attend(model, x, text, $"{self}.query", $"{self}.key", $"{self}.value");
            attended = model.Linear($"{name}.attention.output.dense", attended, Size, bias: true);
            x = Feed(
                model, name, model.LayerNorm($"{name}.attention.output.LayerNorm", Zip(x, attended, Plus), Epsilon));
        }

        return x;
    }

    /// <summary>The last hidden states of MPNet.</summary>
    public static double[][] Mpnet(ReferenceModel model, string body, Passage text)
    {
        var x = model.LayerNorm(
            $"{body}embeddings.LayerNorm", Embed(model, $"{body}embeddings", text, padding: 1), Epsilon);
        var buckets = model.Tensor($"{body}encoder.relative_attention_bias.weight", 0, 1, 32, Heads);
        for (var layer = 0; layer < Layers; layer++)
        {
            string name = $"{body}encoder.layer.{layer}", attention = $"{name}.attention.attn";
            var attended = Attend(
                model, x, text, $"{attention}.q", $"{attention}.k", $"{attention}.v",
                (head, from, to) => buckets[(Bucket(to - from) * Heads) + head]);
            attended = model.Linear($"{attention}.o", attended, Size, bias: true);
            x = Feed(model, name, model.LayerNorm($"{name}.attention.LayerNorm", Zip(x, attended, Plus), Epsilon));
        }

        return x;
    }

    /// <summary>The last hidden states of DistilBERT.</summary>
    public static double[][] DistilBert(ReferenceModel model, string body, Passage text)
    {
        const double epsilon = 1e-12;
        var x = model.LayerNorm(
            $"{body}embeddings.LayerNorm", Embed(model, $"{body}embeddings", text, padding: null), epsilon);
        for (var layer = 0; layer < Layers; layer++)
        {
            string name = $"{body}transformer.layer.{layer}", attention = $"{name}.attention";
            var attended = Attend(
                model, x, text, $"{attention}.q_lin", $"{attention}.k_lin", $"{attention}.v_lin");
            attended = model.Linear($"{attention}.out_lin", attended, Size, bias: true);
            x = model.LayerNorm($"{name}.sa_layer_norm", Zip(x, attended, Plus), epsilon);
            var fed = Gelu(model.Linear($"{name}.ffn.lin1", x, Inner, bias: true));
            fed = model.Linear($"{name}.ffn.lin2", fed, Size, bias: true);
            x = model.LayerNorm($"{name}.output_layer_norm", Zip(x, fed, Plus), epsilon);
        }

        return x;
    }

    /// <summary>
    /// The last hidden states of ModernBERT: every second layer sees all, the others 3 tokens on either side.
    /// </summary>
    public static double[][] ModernBert(ReferenceModel model, string body, Passage text)
    {
        const int side = 3;
        var x = PlainNorm(
            model, $"{body}embeddings.norm",
            model.Embed($"{body}embeddings.tok_embeddings", text.Ids, Vocabulary, Size));
        for (var layer = 0; layer < Layers; layer++)
        {
            var name = $"{body}layers.{layer}";
            var all = layer % 2 == 0;
            var packed = model.Linear(
                $"{name}.attn.Wqkv", layer == 0 ? x : PlainNorm(model, $"{name}.attn_norm", x), 3 * Size);
            double theta = all ? 160_000 : 10_000;
            var attended = Attend(
                Turn(Part(packed, 0), Size / Heads, Size / Heads, theta),
                Turn(Part(packed, 1), Size / Heads, Size / Heads, theta), Part(packed, 2), text,
                (_, from, to) => all || Math.Abs(from - to) <= side ? 0 : double.NegativeInfinity);
            x = Zip(x, model.Linear($"{name}.attn.Wo", attended, Size), Plus);
            var wide = model.Linear($"{name}.mlp.Wi", PlainNorm(model, $"{name}.mlp_norm", x), 2 * Inner);
            var gated = Map(wide, row => [.. row.Take(Inner).Select((value, i) => Gelu(value) * row[Inner + i])]);
            x = Zip(x, model.Linear($"{name}.mlp.Wo", gated, Size), Plus);
        }

        return PlainNorm(model, $"{body}final_norm", x);

        static double[][] Part(double[][] packed, int part) =>
            Map(packed, row => [.. row.Skip(part * Size).Take(Size)]);
    }

    /// <summary>A norm without bias.</summary>
    public static double[][] PlainNorm(ReferenceModel model, string name, double[][] x)
    {
        var weight = model.Tensor($"{name}.weight", 1, 0.3, Size);
        return Map(x, row =>
        {
            var mean = row.Average();
            var scale = 1 / Math.Sqrt(row.Average(value => (value - mean) * (value - mean)) + Epsilon);
            return [.. row.Select((value, index) => (value - mean) * scale * weight[index])];
        });
    }

    /// <summary>Logits over the vocabulary by the token embedding and a bias.</summary>
    public static double[][] Tied(ReferenceModel model, string embedding, string bias, double[][] x) => Multiply(
        model.Tensor($"{embedding}.weight", 0, 1, Vocabulary, Size), 0, x, Vocabulary,
        model.Tensor(bias, 0, 0.3, Vocabulary));

    public static double[][] Gelu(double[][] x) => Map(x, row => [.. row.Select(Gelu)]);

    public static double[][] Tanh(double[][] x) => Map(x, row => [.. row.Select(Math.Tanh)]);

    public static double[][] Relu(double[][] x) => Map(x, row => [.. row.Select(value => Math.Max(value, 0))]);

    public static JsonObject Config(string architecture, JsonObject? more = null)
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(architecture), ["vocab_size"] = Vocabulary, ["hidden_size"] = Size,
            ["intermediate_size"] = Inner, ["num_attention_heads"] = Heads, ["num_hidden_layers"] = Layers,
            ["max_position_embeddings"] = 200, ["type_vocab_size"] = 2, ["layer_norm_eps"] = Epsilon,
            ["pad_token_id"] = 0, ["hidden_act"] = "gelu",
            ["id2label"] = new JsonObject(Enumerable.Range(0, Labels).Select(label =>
                KeyValuePair.Create($"{label}", (JsonNode?)$"LABEL_{label}"))),
        };
        foreach (var (key, value) in more ?? [])
        {
            config[key] = value?.DeepClone();
        }

        return config;
    }

    private static double Plus(double a, double b) => a + b;

    private static double[][] Embed(ReferenceModel model, string name, Passage text, int? padding)
    {
        var next = padding ?? -1;
        int[] positions = [.. text.Ids.Select(id => id == padding ? id : ++next)];
        return Zip(
            model.Embed($"{name}.word_embeddings", text.Ids, Vocabulary, Size),
            model.Embed($"{name}.position_embeddings", positions, 200, Size), Plus);
    }

    private static double[][] Feed(ReferenceModel model, string name, double[][] x)
    {
        var fed = Gelu(model.Linear($"{name}.intermediate.dense", x, Inner, bias: true));
        fed = model.Linear($"{name}.output.dense", fed, Size, bias: true);
        return model.LayerNorm($"{name}.output.LayerNorm", Zip(x, fed, Plus), Epsilon);
    }

    private static double[][] Attend(
        ReferenceModel model, double[][] x, Passage text, string query, string key, string value,
        Func<int, int, int, double>? bias = null) => Attend(
            model.Linear(query, x, Size, bias: true), model.Linear(key, x, Size, bias: true),
            model.Linear(value, x, Size, bias: true), text, bias ?? ((_, _, _) => 0));

    private static double[][] Attend(
        double[][] query, double[][] key, double[][] value, Passage text, Func<int, int, int, double> bias)
    {
        const int size = Size / Heads;
        return [.. query.Select((row, from) => Enumerable.Range(0, Heads).SelectMany(head =>
        {
            var weights = Softmax([.. key.Select((other, to) => !text.Seen(to)
                ? double.NegativeInfinity
                : bias(head, from, to)
                + (Enumerable.Range(head * size, size).Sum(i => row[i] * other[i]) / Math.Sqrt(size)))]);
            return Enumerable.Range(head * size, size)
                .Select(i => weights.Select((weight, to) => weight * value[to][i]).Sum());
        }).ToArray())];
    }

    // T5's buckets in both directions: 16 for each, 8 of them exact, the others up to a distance of 128.
    private static int Bucket(int distance)
    {
        int far = Math.Abs(distance), side = distance > 0 ? 16 : 0;
        return side + (far < 8 ? far : Math.Min(15, 8 + (int)(Math.Log2(far / 8.0) * 2)));
    }

    // erf by Abramowitz and Stegun, 7.1.26: off by at most 1.5e-7.
    private static double Gelu(double x)
    {
        double z = Math.Abs(x) / Math.Sqrt(2), t = 1 / (1 + (0.3275911 * z));
        var erf = 1 - ((((((((1.061405429 * t) - 1.453152027) * t) + 1.421413741) * t) - 0.284496736) * t)
            + 0.254829592) * t * Math.Exp(-z * z);
        return 0.5 * x * (1 + (Math.Sign(x) * erf));
    }
}
