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
        var keyValueHeads = config.Int("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0)
        {
            throw config.Bad("num_key_value_heads", $"a divisor of 'num_attention_heads', {heads}");
        }

        return new DecoderSizes(
            config.Int("vocab_size"), hidden, config.Int("num_hidden_layers"), heads, keyValueHeads,
            config.Int("head_dim", Math.Max(hidden / heads, 1)), config.Int("max_position_embeddings", 2048));
    }

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Get("", config => RotaryScaling.Read(config, RotarySize(config, sizes)));

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        stream.Add(layer.Scope, Attend(layer, Norm(layer["input_layernorm"], stream, layer.Sizes)));
        stream.Add(layer.Scope, Feed(layer, Norm(layer["post_attention_layernorm"], stream, layer.Sizes)));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config));

    /// <summary>The feed-forward block of a layer.</summary>
    protected virtual GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        FeedForward(layer.Config).Build(layer[Names.FeedForward], x);

    /// <summary>The attention of a layer.</summary>
    protected virtual GraphValue Attend(DecoderLayer layer, GraphValue x) =>
        Attention(layer.Config, layer.Sizes, layer.Index)
            .Build(layer[Names.Attention], x, layer.Inputs, layer.Rotary, layer.Index);

    /// <summary>The kind of attention that a layer has.</summary>
    protected virtual GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) => new()
    {
        HiddenSize = sizes.HiddenSize,
        NumAttentionHeads = sizes.Heads,
        NumKeyValueHeads = sizes.KeyValueHeads,
        HeadDim = sizes.HeadDim,
        RotarySize = RotarySize(config, sizes),
        InputBias = config.Flag("attention_bias", false),
        OutputBias = config.Flag("attention_bias", false),
    };

    /// <summary>Settings of the feed-forward blocks.</summary>
    protected virtual GatedFeedForward FeedForward(ConfigReader config) => new(
        config.Int("hidden_size"), config.Int("intermediate_size"), Activations.Find(config, "hidden_act", "silu"),
        config.Flag("mlp_bias", false));

    /// <summary>The share of a head that turns where the configuration does not say.</summary>
    protected virtual double RotaryShare => 1;

    /// <summary>The part of a head that turns with its position.</summary>
    protected int RotarySize(ConfigReader config, DecoderSizes sizes) =>
        RotaryOrder.Read(config, sizes.HeadDim, RotaryShare, "partial_rotary_factor");

    protected static float Epsilon(ConfigReader config, double absent = 1e-6) =>
        (float)config.Number("rms_norm_eps", absent);
}
