using System.Text.Json.Nodes;
using Slipway.Training.Modules;

namespace Slipway.Training.Models.Encoders;

/// <summary>Reads the keys of a Hugging Face <c>config.json</c> that an encoder is built from.</summary>
/// <remarks>Immutable and thread-safe. Properties are named after BERT's keys, whatever a family calls
/// them.</remarks>
public sealed class EncoderConfig
{
    private readonly JsonObject _json;

    private EncoderConfig(JsonObject json, string source)
    {
        (_json, Source) = (json, source);
        (Architecture, Task) = EncoderArchitectures.Find(
            new ConfigKeys(json, source).Architecture("BertForMaskedLM"));
        var keys = Keys = new ConfigKeys(json, source, Architecture.Keys);
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
        MaxPositionEmbeddings = keys.Whole("max_position_embeddings", Architecture.IsModern ? 8192 : 512);
        TypeVocabSize = keys.Whole("type_vocab_size", 2);
        LayerNormEps = Architecture.NormEpsilon
            ?? keys.Number("layer_norm_eps", Architecture.IsModern ? 1e-5 : 1e-12);
        InitializerRange = keys.Number("initializer_range", 0.02);
        NumLabels = keys.Section("id2label")?.Count ?? keys.Whole("num_labels", 2);
        IsRegression = keys.Text("problem_type", "") == "regression";
        TieWordEmbeddings = keys.Flag("tie_word_embeddings", true);
        HiddenAct = Activations.Find(keys.Text("hidden_act", "gelu"), "hidden_act", source);
        FirstPosition = Architecture.PositionsAfterPadding ? keys.Token("pad_token_id", 1) + 1 : 0;
        Modern = Architecture.IsModern ? new ModernBertConfig(this, keys) : null;
        if (HiddenSize % NumAttentionHeads != 0)
        {
            throw keys.Bad(
                "num_attention_heads", $"is {NumAttentionHeads}", $"a divisor of hidden_size={HiddenSize}");
        }

        if (LongestSequence < 1)
        {
            throw keys.Bad(
                "max_position_embeddings", $"is {MaxPositionEmbeddings}", $"more than 'pad_token_id' + 1, "
                + $"{FirstPosition}");
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

    /// <summary>The number of positions that there are.</summary>
    public int MaxPositionEmbeddings { get; }

    /// <summary>The longest sequence, in tokens: fewer than positions where these count from the padding's
    /// id.</summary>
    public int LongestSequence => MaxPositionEmbeddings - FirstPosition;

    /// <summary>The number of kinds of tokens.</summary>
    public int TypeVocabSize { get; }

    /// <summary>Constant that norms add to the variance.</summary>
    public double LayerNormEps { get; }

    /// <summary>The standard deviation that new weights are drawn with.</summary>
    public double InitializerRange { get; }

    /// <summary>The number of labels of a classifier.</summary>
    public int NumLabels { get; }

    /// <summary>Tells whether the vocabulary's head uses the token embedding's weights.</summary>
    public bool TieWordEmbeddings { get; }

    /// <summary>Tells whether a classifier's outputs are numbers to be met, not scores of labels.</summary>
    public bool IsRegression { get; }

    internal string Source { get; }

    internal ConfigKeys Keys { get; }

    internal EncoderArchitecture Architecture { get; }

    internal Activation HiddenAct { get; }

    /// <summary>The row of the table of positions that the first token has.</summary>
    internal int FirstPosition { get; }

    /// <summary>The keys of ModernBERT alone; null for other families.</summary>
    internal ModernBertConfig? Modern { get; }

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

    /// <summary>Copies the configuration for another task of the same family.</summary>
    /// <param name="task">The task.</param>
    /// <param name="labels">The names of a classifier's labels in the order of their ids, which
    /// <c>id2label</c> and <c>label2id</c> are written from; null to keep what is there.</param>
    public EncoderConfig For(EncoderTask task, IReadOnlyList<string>? labels = null)
    {
        var json = ToJson();
        json["architectures"] = new JsonArray(EncoderArchitectures.NameOf(Architecture, task));
        if (labels is not null)
        {
            ArgumentOutOfRangeException.ThrowIfZero(labels.Count, nameof(labels));
            json["id2label"] = new JsonObject(labels.Select(
                (label, id) => KeyValuePair.Create($"{id}", (JsonNode?)JsonValue.Create(label))));
            json["label2id"] = new JsonObject(labels.Select(
                (label, id) => KeyValuePair.Create(label, (JsonNode?)JsonValue.Create(id))));
            json.Remove("num_labels");
        }

        return new EncoderConfig(json, Source);
    }

    /// <summary>Copies the configuration's keys, all of them, as they were read.</summary>
    public JsonObject ToJson() => (JsonObject)_json.DeepClone();
}
