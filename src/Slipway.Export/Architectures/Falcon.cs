using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// Falcon 1 and 2: norms with a mean, parallel blocks, few keys and values for many queries; rotary positions or ALiBi.
/// </summary>
/// <remarks>
/// The old layout has one key head and one norm a layer; the new one groups of heads and a norm for each block.
/// Source: The Falcon Series of Open Language Models (arXiv 2311.16867).
/// </remarks>
internal sealed class Falcon : DecoderArchitecture
{
    public override string PackageType => "falcon";

    public override bool TiedByDefault => true;

    public override DecoderNames Names { get; } = new()
    {
        Model = "transformer", Embedding = "word_embeddings", Layers = "h", Attention = "self_attention", Norm = "ln_f",
    };

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("hidden_size", 4544), heads = config.Int(HeadsKey(config), 71);
        var keyValueHeads = IsNew(config) ? config.Int(KeyHeadsKey(config), heads)
            : config.Flag("multi_query", true) ? 1
            : heads;
        return hidden % heads != 0 ? throw config.Bad(HeadsKey(config), $"a divisor of 'hidden_size', {hidden}")
            : heads % keyValueHeads != 0
            ? throw config.Bad(KeyHeadsKey(config), $"a divisor of '{HeadsKey(config)}', {heads}")
            : new DecoderSizes(
                config.Int("vocab_size"), hidden,
                config.Int(config.Has("n_layer") ? "n_layer" : "num_hidden_layers", 32),
                heads, keyValueHeads, hidden / heads, config.Int("max_position_embeddings", 2048));
    }

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer)
    {
        return tables.Config.Flag("alibi", false)
            ? null
            : tables.Get("", config => RotaryScaling.Read(config, RotarySize(config, sizes)));
    }

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        if (IsNew(layer.Config) && layer.Config.Int("num_ln_in_parallel_attn", 2) == 2)
        {
            var attended = Attend(layer, Norm(layer["ln_attn"], stream, layer.Sizes));
            var fed = Feed(layer, Norm(layer["ln_mlp"], stream, layer.Sizes));
            stream.Add(layer.Scope, attended);
            stream.Add(layer.Scope, fed);
        }
        else if (IsNew(layer.Config) || layer.Config.Flag("parallel_attn", true))
        {
            var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
            stream.Add(layer.Scope, Attend(layer, normed));
            stream.Add(layer.Scope, Feed(layer, normed));
        }
        else
        {
            stream.Add(layer.Scope, Attend(layer, Norm(layer["input_layernorm"], stream, layer.Sizes)));
            stream.Add(layer.Scope, Feed(layer, Norm(layer["post_attention_layernorm"], stream, layer.Sizes)));
        }
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(
            stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("layer_norm_epsilon", 1e-5));

    private static GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        NumAttentionHeads = sizes.Heads,
        NumKeyValueHeads = sizes.KeyValueHeads,
        HeadDim = sizes.HeadDim,
        RotarySize = RotarySize(config, sizes),
        InputBias = config.Flag("bias", false),
        OutputBias = config.Flag("bias", false),
        Layout = AttentionLayout.InterleavedQkv,
        Names = new AttentionNames { Packed = "query_key_value", Output = "dense" },
    };

    private GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        (Attention(layer.Config, layer.Sizes, layer.Index) with
        {
            Bias = layer.Config.Flag("alibi", false) ? Bias(layer) : default,
        }).Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    // Slopes and biases were bfloat16 in training, and are scaled as scores are.
    private static GraphValue Bias(DecoderLayer layer) => Alibi.Bias(
        layer.Scope, layer.Inputs, layer.Sizes.Heads, (slope, position) =>
            (float)(BFloat16(BFloat16((float)slope) * position) / Math.Sqrt(layer.Sizes.HeadDim)));

    private static float BFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return BitConverter.UInt32BitsToSingle((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000);
    }

    private GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("ffn_hidden_size", 4 * layer.Sizes.HiddenSize),
            Activations.Find(layer.Config, "activation", "gelu"), layer.Config.Flag("bias", false))
        {
            Up = "dense_h_to_4h", Down = "dense_4h_to_h",
        }.Build(layer[Names.FeedForward], x);

    private static bool IsNew(ConfigReader config) => config.Flag("new_decoder_architecture", false);

    private static int RotarySize(ConfigReader config, DecoderSizes sizes) =>
        RotaryOrder.Read(config, sizes.HeadDim, 1, "partial_rotary_factor");

    // The first Falcons have keys of their own.
    private static string HeadsKey(ConfigReader config) => config.Has("n_head") ? "n_head" : "num_attention_heads";

    private static string KeyHeadsKey(ConfigReader config) => config.Has("n_head_kv") ? "n_head_kv" : "num_kv_heads";
}
