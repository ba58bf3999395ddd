using System.Globalization;
using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Reads the keys of a Hugging Face <c>config.json</c> that a decoder is built from.</summary>
/// <remarks>Immutable and thread-safe. Properties are named after the keys.</remarks>
public sealed class ModelConfig
{
    private readonly JsonObject _json;
    private readonly string _source;

    private ModelConfig(JsonObject json, string source)
    {
        _json = json;
        _source = source;
        Architecture = DecoderArchitectures.Find(json["architectures"] is JsonArray { Count: > 0 } names
            ? Text(names[0], "architectures")
            : throw Bad("architectures", "is missing", "a list with one architecture, such as 'LlamaForCausalLM'"));
        VocabSize = Positive("vocab_size");
        HiddenSize = Positive("hidden_size");
        IntermediateSize = Positive("intermediate_size");
        NumHiddenLayers = Positive("num_hidden_layers");
        NumAttentionHeads = Positive("num_attention_heads");
        NumKeyValueHeads = Positive("num_key_value_heads", NumAttentionHeads);
        HeadDim = Positive("head_dim", HiddenSize / NumAttentionHeads);
        MaxPositionEmbeddings = Positive("max_position_embeddings", 2048);
        RmsNormEps = Number("rms_norm_eps", 1e-6);
        InitializerRange = Number("initializer_range", 0.02);
        AttentionBias = Flag("attention_bias", Architecture.QueryKeyValueBias);
        MlpBias = Flag("mlp_bias", false);
        TieWordEmbeddings = Flag("tie_word_embeddings", false);
        Rope = RopeParameters.Read(json, source);
        Check();
    }

    /// <summary>The traits of the architecture that <c>architectures[0]</c> names.</summary>
    public DecoderArchitecture Architecture { get; }

    /// <summary>The number of token ids.</summary>
    public int VocabSize { get; }

    /// <summary>The width of the residual stream.</summary>
    public int HiddenSize { get; }

    /// <summary>The width inside the feed-forward blocks.</summary>
    public int IntermediateSize { get; }

    /// <summary>The number of decoder layers.</summary>
    public int NumHiddenLayers { get; }

    /// <summary>The number of query heads.</summary>
    public int NumAttentionHeads { get; }

    /// <summary>The number of key and value heads; it divides the number of query heads.</summary>
    public int NumKeyValueHeads { get; }

    /// <summary>The width of one head; even.</summary>
    public int HeadDim { get; }

    /// <summary>The longest sequence, in tokens.</summary>
    public int MaxPositionEmbeddings { get; }

    /// <summary>Constant that RMSNorm adds to the mean square.</summary>
    public double RmsNormEps { get; }

    /// <summary>The standard deviation that new weights are drawn with.</summary>
    public double InitializerRange { get; }

    /// <summary>Tells whether the projections of the queries, keys and values have biases.</summary>
    public bool AttentionBias { get; }

    /// <summary>Tells whether the projections of the feed-forward blocks have biases.</summary>
    public bool MlpBias { get; }

    /// <summary>Tells whether the head uses the embedding's weights.</summary>
    public bool TieWordEmbeddings { get; }

    /// <summary>The rotary positions' parameters.</summary>
    public RopeParameters Rope { get; }

    /// <summary>Tells whether the attention's output projection has a bias.</summary>
    public bool OutputBias => AttentionBias && Architecture.OutputBiasFollowsAttentionBias;

    /// <summary>Reads a configuration.</summary>
    /// <param name="json">The keys; copied.</param>
    /// <param name="source">The file that messages name.</param>
    /// <exception cref="ModelConfigException">A key is missing, of the wrong type or out of range.</exception>
    /// <exception cref="NotSupportedException">The configuration asks for what this project cannot train.</exception>
    public static ModelConfig Parse(JsonObject json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentException.ThrowIfNullOrEmpty(source);
        return new ModelConfig((JsonObject)json.DeepClone(), source);
    }

    /// <summary>Copies the configuration's keys, all of them, as they were read.</summary>
    public JsonObject ToJson() => (JsonObject)_json.DeepClone();

    private void Check()
    {
        if (NumAttentionHeads % NumKeyValueHeads != 0)
        {
            throw Bad("num_key_value_heads", Invariant($"is {NumKeyValueHeads}"),
                Invariant($"a divisor of num_attention_heads={NumAttentionHeads}"));
        }

        if (HeadDim % 2 != 0)
        {
            throw Bad(
                "head_dim", Invariant($"is {HeadDim}"), "an even number, because rotary positions pair the lanes");
        }

        var activation = _json["hidden_act"] is { } node ? Text(node, "hidden_act") : "silu";
        if (activation != "silu")
        {
            throw new NotSupportedException(
                $"The activation '{activation}' of 'hidden_act' in '{_source}' is not supported; expected 'silu'.");
        }

        if (Flag("use_sliding_window", false) || (_json["sliding_window"] is JsonValue && Architecture.SlidingWindow))
        {
            throw new NotSupportedException(
                $"'{_source}' asks for sliding-window attention, which cannot be trained. Set 'sliding_window' to "
                + "null.");
        }
    }

    private int Positive(string key, int? absent = null)
    {
        if (_json[key] is null && absent is { } value)
        {
            return value;
        }

        return _json[key] is JsonValue json && json.TryGetValue(out int number) && number is > 0 and <= 1 << 24
            ? number
            : throw Bad(key, _json[key] is { } found ? $"is '{found.ToJsonString()}'" : "is missing",
                "a whole number from 1 to 16,777,216");
    }

    private double Number(string key, double absent)
    {
        return _json[key] is null ? absent
            : _json[key] is JsonValue json && json.TryGetValue(out double number) && number > 0 ? number
            : throw Bad(key, $"is '{_json[key]!.ToJsonString()}'", "a positive number");
    }

    private bool Flag(string key, bool absent)
    {
        return _json[key] is null ? absent
            : _json[key] is JsonValue json && json.TryGetValue(out bool flag) ? flag
            : throw Bad(key, $"is '{_json[key]!.ToJsonString()}'", "true or false");
    }

    private string Text(JsonNode? node, string key)
    {
        return node is JsonValue json && json.TryGetValue(out string? text)
            ? text
            : throw Bad(key, $"holds '{node?.ToJsonString() ?? "null"}'", "a string");
    }

    private ModelConfigException Bad(string key, string found, string expected) =>
        new(_source, key, $"'{key}' in '{_source}' {found}; expected {expected}.");

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
