using System.Globalization;
using System.Text.Json.Nodes;
using Slipway.Training.Modules;

namespace Slipway.Training.Models;

/// <summary>Reads the keys of a Hugging Face <c>config.json</c> that a decoder is built from.</summary>
/// <remarks>Immutable and thread-safe. Properties are named after Llama's keys.</remarks>
public sealed class ModelConfig
{
    private readonly JsonObject _json;
    private readonly ConfigKeys _keys;

    private ModelConfig(JsonObject json, string source)
    {
        _json = json;
        Architecture = DecoderArchitectures.Find(new ConfigKeys(json, source).Architecture("LlamaForCausalLM"));
        _keys = new ConfigKeys(json, source, Architecture.Keys);
        VocabSize = Whole("vocab_size");
        HiddenSize = Whole("hidden_size");
        IntermediateSize = Whole("intermediate_size", Architecture.IsGpt2 ? 4 * HiddenSize : null);
        NumHiddenLayers = Whole("num_hidden_layers");
        NumAttentionHeads = Whole("num_attention_heads");
        NumKeyValueHeads = Whole("num_key_value_heads", NumAttentionHeads);
        HeadDim = Whole("head_dim", HiddenSize / NumAttentionHeads);
        MaxPositionEmbeddings = Whole("max_position_embeddings", 2048);
        RmsNormEps = Number("rms_norm_eps", Architecture.IsGpt2 ? 1e-5 : 1e-6);
        InitializerRange = Number("initializer_range", 0.02);
        AttentionBias = Flag("attention_bias", Architecture.QueryKeyValueBias);
        MlpBias = Flag("mlp_bias", Architecture.IsGpt2);
        TieWordEmbeddings = Flag("tie_word_embeddings", Architecture.TiedByDefault);
        HiddenAct = Activations.Find(
            _keys.Text(Architecture.Activation.Key, Architecture.Activation.Absent), Architecture.Activation.Key,
            source);
        AttentionScale = Has("query_pre_attn_scalar") ? 1 / Math.Sqrt(Number("query_pre_attn_scalar", 256))
            : 1 / Math.Sqrt(HeadDim);
        AttentionSoftcap = Has("attn_logit_softcapping") ? Number("attn_logit_softcapping", 0) : 0;
        FinalSoftcap = Has("final_logit_softcapping") ? Number("final_logit_softcapping", 0) : 0;
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

    /// <summary>Constant that norms add to the mean square.</summary>
    public double RmsNormEps { get; }

    /// <summary>The standard deviation that new weights are drawn with.</summary>
    public double InitializerRange { get; }

    /// <summary>Tells whether the projections of the queries, keys and values have biases.</summary>
    public bool AttentionBias { get; }

    /// <summary>Tells whether the projections of the feed-forward blocks have biases.</summary>
    public bool MlpBias { get; }

    /// <summary>Tells whether the head uses the embedding's weights.</summary>
    public bool TieWordEmbeddings { get; }

    /// <summary>Tells whether the attention's output projection has a bias.</summary>
    public bool OutputBias => AttentionBias && Architecture.OutputBiasFollowsAttentionBias;

    internal Activation HiddenAct { get; }

    /// <summary>The factor of products of queries and keys.</summary>
    internal double AttentionScale { get; }

    /// <summary>The bound that attention scores are bent to; 0 for none.</summary>
    internal double AttentionSoftcap { get; }

    /// <summary>The bound that logits are bent to; 0 for none.</summary>
    internal double FinalSoftcap { get; }

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

    internal bool Has(string key) => _keys.Has(key);

    internal JsonObject? Section(string key) => _keys.Section(key);

    internal int Window() => Whole("sliding_window");

    internal int? OptionalWindow() => Has("sliding_window") ? Window() : null;

    internal RopeParameters Rope(JsonObject? section, string thetaKey, double theta) => RopeParameters.Read(
        _json, section, Number(thetaKey, theta), MaxPositionEmbeddings, _keys.Source);

    internal int Whole(string key, int? absent = null) => _keys.Whole(key, absent);

    internal bool Flag(string key, bool absent) => _keys.Flag(key, absent);

    internal IReadOnlyList<string>? Texts(string key) => _keys.Texts(key);

    internal IReadOnlyList<int>? Numbers(string key) => _keys.Numbers(key);

    internal ModelConfigException Bad(string key, string found, string expected) => _keys.Bad(key, found, expected);

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

        if (Flag("scale_attn_by_inverse_layer_idx", false) || Flag("use_bidirectional_attention", false))
        {
            throw new NotSupportedException(
                $"'{_keys.Source}' asks for 'scale_attn_by_inverse_layer_idx' or 'use_bidirectional_attention', which "
                + "cannot be trained; expected 'false'.");
        }

        for (var layer = 0; layer < NumHiddenLayers; layer++)
        {
            _ = (Architecture.Window(this, layer), Architecture.Rope(this, layer), Architecture.Experts(this, layer));
        }
    }

    private double Number(string key, double absent) => _keys.Number(key, absent);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
