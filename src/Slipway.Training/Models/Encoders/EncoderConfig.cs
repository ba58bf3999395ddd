using System.Text.Json.Nodes;
using Slipway.Training.Modules;
using Slipway.Training.Text;

namespace Slipway.Training.Models.Encoders;

/// <summary>Names what an encoder computes at its end.</summary>
public enum EncoderTask
{
    /// <summary>The states alone.</summary>
    States,

    /// <summary>Logits over the vocabulary at each position.</summary>
    MaskedLanguageModel,

    /// <summary>Logits over labels for each sequence.</summary>
    SequenceClassification,

    /// <summary>Logits over labels at each position.</summary>
    TokenClassification,
}

/// <summary>Reads the keys of a Hugging Face <c>config.json</c> that an encoder is built from.</summary>
/// <remarks>Immutable and thread-safe. Properties are named after the keys.</remarks>
public sealed class EncoderConfig
{
    private static readonly Dictionary<string, EncoderTask> Tasks = new(StringComparer.Ordinal)
    {
        ["BertModel"] = EncoderTask.States,
        ["BertForMaskedLM"] = EncoderTask.MaskedLanguageModel,
        ["BertForSequenceClassification"] = EncoderTask.SequenceClassification,
        ["BertForTokenClassification"] = EncoderTask.TokenClassification,
    };

    private readonly JsonObject _json;

    private EncoderConfig(JsonObject json, string source)
    {
        _json = json;
        var keys = new ConfigKeys(json, source);
        var name = keys.Architecture("BertForMaskedLM");
        Task = Tasks.TryGetValue(name, out var task) ? task : throw new NotSupportedException(
            $"Architecture '{name}' cannot be trained as an encoder. The nearest is "
            + $"'{NearestName.Find(name, [.. Tasks.Keys])}'.");
        if (keys.Flag("is_decoder", false) || keys.Text("position_embedding_type", "absolute") != "absolute")
        {
            throw new NotSupportedException(
                $"'{source}' asks for a decoder or for relative positions, which cannot be trained as an encoder; "
                + "expected 'is_decoder' to be false and 'position_embedding_type' to be 'absolute'.");
        }

        VocabSize = keys.Whole("vocab_size");
        HiddenSize = keys.Whole("hidden_size");
        IntermediateSize = keys.Whole("intermediate_size");
        NumHiddenLayers = keys.Whole("num_hidden_layers");
        NumAttentionHeads = keys.Whole("num_attention_heads");
        MaxPositionEmbeddings = keys.Whole("max_position_embeddings", 512);
        TypeVocabSize = keys.Whole("type_vocab_size", 2);
        LayerNormEps = keys.Number("layer_norm_eps", 1e-12);
        InitializerRange = keys.Number("initializer_range", 0.02);
        NumLabels = keys.Section("id2label")?.Count ?? keys.Whole("num_labels", 2);
        HiddenAct = Activations.Find(keys.Text("hidden_act", "gelu"), "hidden_act", source);
        if (HiddenSize % NumAttentionHeads != 0)
        {
            throw keys.Bad(
                "num_attention_heads", $"is {NumAttentionHeads}", $"a divisor of hidden_size={HiddenSize}");
        }
    }

    /// <summary>The task that <c>architectures[0]</c> names.</summary>
    public EncoderTask Task { get; }

    /// <summary>The number of token ids.</summary>
    public int VocabSize { get; }

    /// <summary>The width of the states.</summary>
    public int HiddenSize { get; }

    /// <summary>The width inside the feed-forward blocks.</summary>
    public int IntermediateSize { get; }

    /// <summary>The number of layers.</summary>
    public int NumHiddenLayers { get; }

    /// <summary>The number of heads; it divides the width.</summary>
    public int NumAttentionHeads { get; }

    /// <summary>The longest sequence, in tokens.</summary>
    public int MaxPositionEmbeddings { get; }

    /// <summary>The number of kinds of tokens.</summary>
    public int TypeVocabSize { get; }

    /// <summary>Constant that norms add to the variance.</summary>
    public double LayerNormEps { get; }

    /// <summary>The standard deviation that new weights are drawn with.</summary>
    public double InitializerRange { get; }

    /// <summary>The number of labels of a classifier.</summary>
    public int NumLabels { get; }

    internal Activation HiddenAct { get; }

    /// <summary>Reads a configuration.</summary>
    /// <param name="json">The keys; copied.</param>
    /// <param name="source">The file that messages name.</param>
    /// <exception cref="ModelConfigException">A key is missing, of the wrong type or out of range.</exception>
    /// <exception cref="NotSupportedException">The configuration asks for what this project cannot train.</exception>
    public static EncoderConfig Parse(JsonObject json, string source)
    {
        ArgumentNullException.ThrowIfNull(json);
        ArgumentException.ThrowIfNullOrEmpty(source);
        return new EncoderConfig((JsonObject)json.DeepClone(), source);
    }

    /// <summary>Copies the configuration's keys, all of them, as they were read.</summary>
    public JsonObject ToJson() => (JsonObject)_json.DeepClone();
}
