using System.Text.Json.Nodes;

namespace Slipway.Export.Tests.Definitions;

/// <summary>Small dense decoders that are built from their definitions, each written down a second time.</summary>
internal static partial class DenseModels
{
    private const int Hidden = 64, Inner = 96, Vocabulary = 48, Heads = 4, KeyHeads = 2, HeadSize = 16, Window = 6;
    private const double Theta = 10000;

    public static IReadOnlyDictionary<string, Definition> All { get; } = new[]
    {
        Layered(), Classic(), Mixed(), Variants(), Latest(), OddSizes(), Scaled(),
    }.SelectMany(part => part).ToDictionary(pair => pair.Key, pair => pair.Value);

    private static Func<JsonObject> Config(string architecture, string keys = "{}") => () =>
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(architecture), ["vocab_size"] = Vocabulary, ["hidden_size"] = Hidden,
            ["intermediate_size"] = Inner, ["num_hidden_layers"] = 2, ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = KeyHeads, ["max_position_embeddings"] = 4096, ["rope_theta"] = Theta,
            ["tie_word_embeddings"] = false,
        };
        foreach (var (key, value) in JsonNode.Parse(keys)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        return config;
    };

    // The keys of GPT-2 and its kin.
    private static Func<JsonObject> OldConfig(string architecture, string keys = "{}") => () =>
    {
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray(architecture), ["vocab_size"] = Vocabulary, ["n_embd"] = Hidden,
            ["n_layer"] = 2, ["n_head"] = Heads, ["n_positions"] = 64,
        };
        foreach (var (key, value) in JsonNode.Parse(keys)!.AsObject())
        {
            config[key] = value?.DeepClone();
        }

        return config;
    };

    // Embedding, layers, a last norm and a head under the usual names.
    private static double[][] Decoder(
        ReferenceModel model, int[] ids, int layers, Func<string, int, double[][], double[][]> layer,
        Func<string, double[][], double[][]> norm, string last = "model.norm", bool tied = false, bool headBias = false,
        double embeddingScale = 1)
    {
        var x = DenseToolbox.Times(model.Embed("model.embed_tokens", ids, Vocabulary, Hidden), embeddingScale);
        for (var index = 0; index < layers; index++)
        {
            x = layer($"model.layers.{index}", index, x);
        }

        return Head(model, norm(last, x), tied ? "model.embed_tokens" : "lm_head", tied ? 1 : 0.2, headBias);
    }

    private static double[][] Head(
        ReferenceModel model, double[][] x, string name, double spread = 0.2, bool bias = false)
    {
        var weight = model.Tensor($"{name}.weight", 0, spread, Vocabulary, x[0].Length);
        return ReferenceModel.Multiply(
            weight, 0, x, Vocabulary, bias ? model.Tensor("lm_head.bias", 0, 0.3, Vocabulary) : null);
    }
}

/// <summary>What a layer's attention is like.</summary>
internal sealed record DenseAttention
{
    public int KeyHeads { get; init; } = 2;

    public int Heads { get; init; } = 4;

    /// <summary>The size of a head.</summary>
    public int Size { get; init; } = 16;

    public bool InputBias { get; init; }

    public bool OutputBias { get; init; }

    /// <summary>Null for layers without positions.</summary>
    public double[]? Frequencies { get; init; } = DenseToolbox.Frequencies(16, 10000);

    public bool Interleaved { get; init; }

    public int? Window { get; init; }

    /// <summary>Null for 1/√size.</summary>
    public double? Scale { get; init; }

    public string Output { get; init; } = "o_proj";

    /// <summary>Changes queries ("q") and keys ("k") before they turn.</summary>
    public Func<string, double[][], double[][]>? Before { get; init; }

    /// <summary>Changes queries ("q") and keys ("k") after they turned.</summary>
    public Func<string, double[][], double[][]>? After { get; init; }

    /// <summary>Changes queries, keys and values as they come out of their layers.</summary>
    public Func<double, double>? Limit { get; init; }

    /// <summary>Layers of their own for query, key, value and output.</summary>
    public double[][] Run(ReferenceModel model, string name, double[][] x)
    {
        var value = Project("v", KeyHeads);
        var attended = DenseToolbox.Attend(
            Turned("q", Heads), Turned("k", KeyHeads), value, Heads, KeyHeads, Scale ?? 1 / Math.Sqrt(Size), Window);
        return model.Linear($"{name}.{Output}", attended, x[0].Length, OutputBias);

        double[][] Project(string part, int count)
        {
            var states = model.Linear($"{name}.{part}_proj", x, count * Size, InputBias);
            return Limit is null ? states : ReferenceModel.Map(states, row => [.. row.Select(Limit)]);
        }

        double[][] Turned(string part, int count)
        {
            var states = Project(part, count);
            states = Before?.Invoke(part, states) ?? states;
            states = Frequencies is null ? states : DenseToolbox.Turn(states, Size, Frequencies, Interleaved);
            return After?.Invoke(part, states) ?? states;
        }
    }
}
