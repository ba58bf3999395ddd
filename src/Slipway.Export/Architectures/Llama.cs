using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Llama, the parent of most decoders.</summary>
/// <remarks>Source: Llama (arXiv 2302.13971), Llama 3 (arXiv 2407.21783).</remarks>
internal class Llama : DecoderArchitecture
{
    public override string PackageType => "llama";

    public override DecoderSizes Sizes(ConfigReader config)
    {
        int hidden = config.Int("hidden_size"), heads = config.Int("num_attention_heads");
        int keyValueHeads = config.Int("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0)
        {
            throw config.Bad("num_key_value_heads", $"a divisor of 'num_attention_heads', {heads}");
        }

        return new DecoderSizes(
            config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads, keyValueHeads,
            config.Int("head_dim", Math.Max(hidden / heads, 1)), config.Int("max_position_embeddings", 2048));
    }

    public override GraphValue Forward(ModuleScope root, DecoderInputs inputs)
    {
        DecoderSizes sizes = Sizes(root.Config);
        ModuleScope model = root["model"];
        RotaryTables tables = new(model["rotary_emb"]);
        ResidualStream stream = new(Embed(model["embed_tokens"], inputs.Ids, sizes));
        for (int index = 0; index < sizes.Layers; index++)
        {
            Layer(new DecoderLayer(model["layers"][index], index, sizes, inputs, Rotary(tables, sizes, index)), stream);
        }

        return Norm(model["norm"], stream, sizes);
    }

    /// <summary>The first hidden states.</summary>
    protected virtual GraphValue Embed(ModuleScope scope, GraphValue ids, DecoderSizes sizes) =>
        scope.Embedding(ids, sizes.VocabularySize, sizes.HiddenSize);

    /// <summary>A layer's rotary positions; null where it has none.</summary>
    protected virtual RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Get("", config => RotaryScaling.Read(config, RotarySize(config, sizes)));

    /// <summary>One layer: attention and feed-forward, each after a norm and added to the stream.</summary>
    protected virtual void Layer(DecoderLayer layer, ResidualStream stream)
    {
        GraphValue normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, Attend(layer, normed));
        normed = Norm(layer["post_attention_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, Feed(layer, normed));
    }

    /// <summary>A norm of the stream.</summary>
    protected virtual GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config));

    /// <summary>The feed-forward block of a layer.</summary>
    protected virtual GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        FeedForward(layer.Config).Build(layer["mlp"], x);

    /// <summary>The attention of a layer.</summary>
    protected virtual GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer["self_attn"], x, layer.Inputs, layer.Rotary, layer.Index);

    /// <summary>What a layer's attention is like.</summary>
    protected virtual GroupedAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        Heads = sizes.Heads,
        KeyValueHeads = sizes.KeyValueHeads,
        HeadSize = sizes.HeadSize,
        RotarySize = RotarySize(config, sizes),
        InputBias = config.Flag("attention_bias", false),
        OutputBias = config.Flag("attention_bias", false),
    };

    /// <summary>What the feed-forward blocks are like.</summary>
    protected virtual GatedFeedForward FeedForward(ConfigReader config) => new(
        config.Int("hidden_size"), config.Int("intermediate_size"), Activations.Find(config, "hidden_act", "silu"),
        config.Flag("mlp_bias", false));

    /// <summary>The share of a head that turns where the configuration does not say.</summary>
    protected virtual double RotaryShare => 1;

    /// <summary>The part of a head that turns with its position.</summary>
    protected int RotarySize(ConfigReader config, DecoderSizes sizes)
    {
        ConfigReader source = config.Section("rope_parameters") is { } section && section.Has("partial_rotary_factor")
            ? section
            : config;
        double share = source.Number("partial_rotary_factor", RotaryShare);
        int size = (int)(sizes.HeadSize * share);
        return share is > 0 and <= 1 && size > 0 && size % 2 == 0 && RotaryOrder.Padded(size) <= sizes.HeadSize
            ? size
            : throw source.Unsupported(
                "partial_rotary_factor",
                $"an even share of the head size {sizes.HeadSize}, which holds it rounded up to a multiple of 16");
    }

    protected static float Epsilon(ConfigReader config) => (float)config.Number("rms_norm_eps", 1e-6);
}
