using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Gguf.Architectures;

// Translates one architecture's metadata and tensors to Hugging Face's. A variant overrides what differs.
internal abstract class GgufArchitecture
{
    private const string LayerPrefix = "blk.";

    // The name in 'general.architecture'.
    public abstract string Name { get; }

    protected abstract string ModelClass { get; }

    protected virtual string ModelType => Name;

    protected virtual string LayerRoot => "model.layers";

    protected virtual IReadOnlyDictionary<string, string> RootNames => GgufNames.Decoder;

    protected virtual IReadOnlyDictionary<string, string> LayerNames => GgufNames.Layer;

    // The activation of the feed-forward layers, and the key that names it.
    protected virtual (string Key, string Name) Activation => ("hidden_act", "silu");

    // Tensors that the configuration is made from.
    protected virtual IReadOnlyList<string> ConfigTensors { get; } = ["rope_freqs.weight"];

    public IEnumerable<GgufSource> Map(GgufFile file)
    {
        foreach (var tensor in file.Tensors.Values)
        {
            if (!ConfigTensors.Contains(tensor.Name))
            {
                foreach (var source in MapTensor(file, tensor, Split(tensor.Name)))
                {
                    yield return source;
                }
            }
        }
    }

    public JsonObject MakeConfig(GgufFile file)
    {
        var config = new GgufConfig(file, Name);
        config["architectures"] = new JsonArray(ModelClass);
        config["model_type"] = ModelType;
        WriteSizes(config);
        WriteRotary(config);
        WriteTokens(config);
        WriteOwn(config);

        // As read from a file: a number made in code converts to no other type of number.
        return JsonFile.Parse(Encoding.UTF8.GetBytes(config.Json.ToJsonString()), file.Path);
    }

    // By default one tensor, renamed; one without a translation keeps its name.
    protected virtual IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name)
    {
        yield return new GgufRows(Info(tensor, HuggingFaceName(name)), tensor);
    }

    protected virtual void WriteSizes(GgufConfig config)
    {
        var heads = config.Integer("attention.head_count");
        config["hidden_size"] = config.Integer("embedding_length");
        config["intermediate_size"] = config.Integer("feed_forward_length");
        config["num_hidden_layers"] = config.Layers();
        config["num_attention_heads"] = heads;
        config["num_key_value_heads"] = config.OptionalInteger("attention.head_count_kv") ?? heads;
        if (HeadSize(config) is { } size)
        {
            config["head_dim"] = size;
        }

        config["max_position_embeddings"] = config.Integer("context_length");
        config[Activation.Key] = Activation.Name;
        WriteNorm(config);
        config["attention_bias"] = config.HasTensor("blk.0.attn_q.bias");
        config["vocab_size"] = VocabularySize(config);
        config["tie_word_embeddings"] = !config.HasTensor("output.weight");
    }

    protected virtual void WriteNorm(GgufConfig config) =>
        config["rms_norm_eps"] = config.RequiredNumber("attention.layer_norm_rms_epsilon");

    protected virtual void WriteRotary(GgufConfig config) => GgufRotary.Write(config);

    // Adds the keys that this architecture has beyond the common ones.
    protected virtual void WriteOwn(GgufConfig config)
    {
    }

    // Null where Hugging Face takes it from hidden size and heads.
    protected virtual long? HeadSize(GgufConfig config) =>
        config.OptionalInteger("attention.key_length") ?? config.OptionalInteger("rope.dimension_count");

    protected static TensorInfo Info(GgufTensor tensor, string name) => new(name, tensor.Type, tensor.Shape);

    protected string HuggingFaceName(GgufTensorName name) => name.Layer is { } layer
        ? LayerNames.TryGetValue(name.Stem, out var inner)
            ? string.Create(CultureInfo.InvariantCulture, $"{LayerRoot}.{layer}.{inner}{name.Suffix}")
            : name.Full
        : RootNames.TryGetValue(name.Stem, out var root) ? root + name.Suffix : name.Full;

    protected static string Layer(string root, int layer, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"{root}.{layer}.{name}");

    private static void WriteTokens(GgufConfig config)
    {
        foreach (var name in (string[])["bos", "eos"])
        {
            if (config.Metadata.Integer($"tokenizer.ggml.{name}_token_id") is { } id)
            {
                config[$"{name}_token_id"] = id;
            }
        }

        if (config.Metadata.Integer("tokenizer.ggml.padding_token_id") is { } padding)
        {
            config["pad_token_id"] = padding;
        }
    }

    protected static long VocabularySize(GgufConfig config) =>
        config.File.Tensors.TryGetValue("token_embd.weight", out var embeddings) ? embeddings.Rows : throw
            new CheckpointException(
                $"The GGUF file '{config.File.Path}' has no tensor 'token_embd.weight'. It is not a whole language " +
                "model; download or convert it again.", config.File.Path, "token_embd.weight");

    // 'blk.3.attn_q.weight' is layer 3, 'attn_q', '.weight'.
    private static GgufTensorName Split(string name)
    {
        var dot = name.LastIndexOf('.');
        var (stem, suffix) = dot > 0 ? (name[..dot], name[dot..]) : (name, "");
        if (stem.StartsWith(LayerPrefix, StringComparison.Ordinal) &&
            stem.IndexOf('.', LayerPrefix.Length) is > 0 and var end &&
            int.TryParse(
                stem.AsSpan(LayerPrefix.Length, end - LayerPrefix.Length), NumberStyles.None,
                CultureInfo.InvariantCulture, out var layer))
        {
            return new GgufTensorName(name, layer, stem[(end + 1)..], suffix);
        }

        return new GgufTensorName(name, null, stem, suffix);
    }
}

internal readonly record struct GgufTensorName(string Full, int? Layer, string Stem, string Suffix);
