using System.Text.Json.Nodes;

namespace Slipway.Checkpoints.Gguf.Architectures;

// The shared part of the Gemma models: norms before and after each block; their stored weights are one more than
// Hugging Face's.
internal abstract class GemmaArchitecture : GgufArchitecture
{
    protected override IReadOnlyDictionary<string, string> LayerNames { get; } = GgufNames.With(
        GgufNames.Layer, ("post_attention_norm", "post_attention_layernorm"), ("ffn_norm", "pre_feedforward_layernorm"),
        ("post_ffw_norm", "post_feedforward_layernorm"));

    protected override (string Key, string Name) Activation => ("hidden_activation", "gelu_pytorch_tanh");

    // The layers of the one size of a model whose attention is scaled by hidden size and heads.
    protected abstract int MaxLayers { get; }

    protected override IEnumerable<GgufSource> MapTensor(GgufFile file, GgufTensor tensor, GgufTensorName name) =>
        name.Stem.EndsWith("_norm", StringComparison.Ordinal)
            ? [new GgufComputed(
                new TensorInfo(HuggingFaceName(name), TensorType.F32, tensor.Shape), 1, _ => Lower(tensor))]
            : base.MapTensor(file, tensor, name);

    protected override void WriteOwn(GgufConfig config)
    {
        var (hidden, heads) = (config.Integer("embedding_length"), config.Integer("attention.head_count"));
        config["query_pre_attn_scalar"] = config.Layers() == MaxLayers && heads > 0
            ? hidden / heads
            : config.Integer("attention.key_length");
        config["sliding_window"] = config.OptionalInteger("attention.sliding_window");
        config["attn_logit_softcapping"] = config.Number("attn_logit_softcapping");
        config["final_logit_softcapping"] = config.Number("final_logit_softcapping");
    }

    // Every n-th layer sees the whole context, the others a window.
    protected static void WriteLayerTypes(GgufConfig config, int interval) =>
        config["layer_types"] = new JsonArray([.. Enumerable.Range(1, config.Layers()).Select(
            layer => (JsonNode)JsonValue.Create(layer % interval == 0 ? "full_attention" : "sliding_attention"))]);

    private static float[] Lower(GgufTensor tensor)
    {
        var values = tensor.ReadWhole();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] -= 1;
        }

        return values;
    }
}

internal sealed class Gemma2Architecture : GemmaArchitecture
{
    public override string Name => "gemma2";

    protected override string ModelClass => "Gemma2ForCausalLM";

    protected override int MaxLayers => 46;

    protected override void WriteOwn(GgufConfig config)
    {
        base.WriteOwn(config);
        WriteLayerTypes(config, interval: 2);
    }
}

internal sealed class Gemma3Architecture : GemmaArchitecture
{
    private const int Interval = 6;
    private const double LocalTheta = 10000;

    public override string Name => "gemma3";

    protected override string ModelClass => "Gemma3ForCausalLM";

    protected override string ModelType => "gemma3_text";

    protected override int MaxLayers => 62;

    protected override void WriteOwn(GgufConfig config)
    {
        base.WriteOwn(config);
        config["rope_local_base_freq"] = config.Number("rope.freq_base_swa") ?? LocalTheta;
        config["sliding_window_pattern"] = Interval;
        WriteLayerTypes(config, Interval);
    }
}
