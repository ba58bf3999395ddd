using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Export.Modules.Sentences;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures.Encoders;

/// <summary>ModernBERT: norms before blocks, rotary positions, gated feed-forward, most layers with a window.</summary>
/// <remarks>Source: ModernBERT (arXiv 2412.13663).</remarks>
internal sealed class ModernBert(EncoderTask task) : EncoderArchitecture(task)
{
    private const string Global = "full_attention";
    private const string Local = "sliding_attention";

    protected override string Body => "model";

    protected override IReadOnlyList<string> Heads => ["head", "decoder", "classifier"];

    public override int LongestSequence(ConfigReader config) => config.Int("max_position_embeddings", 8192);

    protected override GraphValue Forward(ModuleScope body, EncoderInputs inputs)
    {
        var config = body.Config;
        var size = HiddenSize(config);
        var embeddings = body["embeddings"];
        var hidden = embeddings["tok_embeddings"].Embedding(inputs.Ids, config.Int("vocab_size"), size);
        hidden = Norm(embeddings["norm"], hidden);
        var local = inputs with { Bias = Window(new NodeScope(body.Graph, "/window"), inputs, config) };
        Dictionary<string, RotaryTable> tables = [];
        for (var index = 0; index < config.Int("num_hidden_layers", 22); index++)
        {
            var type = LayerType(config, index);
            if (!tables.TryGetValue(type, out var table))
            {
                table = RotaryTable.Write(body["rotary_emb"][type], Frequencies(config, type));
                tables.Add(type, table);
            }

            hidden = Layer(body["layers"][index], hidden, type == Global ? inputs : local, table, first: index == 0);
        }

        return Norm(body["final_norm"], hidden);
    }

    protected override GraphValue MaskedToken(ModuleScope root, ModuleScope body, GraphValue hidden)
    {
        var decoder = root["decoder"];
        var bias = root.Config.Flag("decoder_bias", true) ? decoder.NameOf("bias") : null;
        return Vocabulary(decoder, body["embeddings"]["tok_embeddings"], bias, Head(root, hidden));
    }

    protected override GraphValue ClassifySequence(
        ModuleScope root, ModuleScope body, GraphValue hidden, EncoderInputs inputs, int labels)
    {
        var pooled = root.Config.Text("classifier_pooling", "cls") switch
        {
            "cls" => First(root["head"], hidden),
            "mean" => SentencePooling.Mean(root["head"], hidden, inputs),
            _ => throw root.Config.Unsupported("classifier_pooling", "'cls' or 'mean'"),
        };
        return root["classifier"].Linear(Head(root, pooled), HiddenSize(root.Config), labels, bias: true);
    }

    protected override GraphValue ClassifyTokens(ModuleScope root, GraphValue hidden, int labels) =>
        base.ClassifyTokens(root, Head(root, hidden), labels);

    private GraphValue Layer(
        ModuleScope layer, GraphValue hidden, EncoderInputs inputs, RotaryTable rotary, bool first)
    {
        var config = layer.Config;
        int size = HiddenSize(config), heads = config.Int("num_attention_heads", 12);
        var inner = config.Int("intermediate_size", 1152);
        if (size % heads != 0)
        {
            throw config.Bad("num_attention_heads", $"a divisor of 'hidden_size', {size}");
        }

        ModuleScope attention = layer["attn"], feed = layer["mlp"];
        bool bias = config.Flag("attention_bias", false), feedBias = config.Flag("mlp_bias", false);
        var x = first ? hidden : Norm(layer["attn_norm"], hidden);
        var parts = attention.Split(
            attention["Wqkv"].Linear(x, size, 3 * size, bias), -1, size, size, size);
        var start = attention.Ints(0);
        x = attention.Attend(
            attention.RotaryEmbedding(parts[0], start, rotary.Cosines, rotary.Sines),
            attention.RotaryEmbedding(parts[1], start, rotary.Cosines, rotary.Sines), parts[2], inputs.Seen, heads,
            inputs.Bias);
        hidden = layer.Add(hidden, attention["Wo"].Linear(x, size, size, bias));

        x = Norm(layer["mlp_norm"], hidden);
        parts = feed.Split(feed["Wi"].Linear(x, size, 2 * inner, feedBias), -1, inner, inner);
        x = feed.Mul(Activations.Find(config, "hidden_activation", "gelu")(feed, parts[0]), parts[1]);
        return layer.Add(hidden, feed["Wo"].Linear(x, inner, size, feedBias));
    }

    private GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        var head = root["head"];
        var size = HiddenSize(root.Config);
        var x = head["dense"].Linear(hidden, size, size, root.Config.Flag("classifier_bias", false));
        return Norm(head["norm"], Activations.Find(root.Config, "classifier_activation", "gelu")(head, x));
    }

    private GraphValue Norm(ModuleScope scope, GraphValue x) => scope.LayerNorm(
        x, HiddenSize(scope.Config), (float)scope.Config.Number("norm_eps", 1e-5),
        scope.Config.Flag("norm_bias", false));

    // Nothing within half a window on either side, far below every score beyond.
    private static GraphValue Window(NodeScope scope, EncoderInputs inputs, ConfigReader config)
    {
        var beyond = scope.Greater(
            scope.Abs(inputs.Distances()), scope.Int(config.Int("local_attention", 128) / 2));
        var bias = scope.Where(beyond, scope.Float(EncoderAttention.Unseen), scope.Float(0));
        var length = scope.Reshape(inputs.Length, 1);
        return scope.Reshape(bias, scope.Concat(0, scope.Ints(1), scope.Ints(1), length, length));
    }

    private static string LayerType(ConfigReader config, int layer)
    {
        if (config.Texts("layer_types") is not { } types)
        {
            return layer % config.Int("global_attn_every_n_layers", 3) == 0 ? Global : Local;
        }

        return layer < types.Count && types[layer] is Global or Local
            ? types[layer]
            : throw config.Unsupported("layer_types", $"'{Global}' or '{Local}' for each layer");
    }

    private static double[] Frequencies(ConfigReader config, string type)
    {
        var theta = config.Number("global_rope_theta", 160_000);
        if (type == Local)
        {
            theta = config.Number("local_rope_theta", config.Has("global_rope_theta") ? theta : 10_000);
        }

        if (config.Section("rope_parameters")?.Section(type) is { } rope)
        {
            if (rope.Text("rope_type", "default") != "default")
            {
                throw rope.Unsupported("rope_type", "'default'");
            }

            theta = rope.Number("rope_theta", theta);
        }

        var size = config.Int("hidden_size") / config.Int("num_attention_heads", 12);
        return [.. Enumerable.Range(0, size / 2).Select(pair => Math.Pow(theta, -2.0 * pair / size))];
    }
}
