using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>LFM2: Llama with norms over query and key heads, and in most layers a short convolution instead.</summary>
/// <remarks>Source: Liquid AI's LFM2.</remarks>
internal sealed class Lfm2 : Llama
{
    private static readonly DecoderNames Parts = DecoderNames.Default with { Norm = "embedding_norm" };

    public override string PackageType => "decoder";

    public override bool TiedByDefault => true;

    public override IReadOnlyList<string> States => ["conv_state"];

    public override DecoderNames Names => Parts;

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Get("", config =>
        {
            var section = config.Section("rope_parameters") ?? config.Section("rope_scaling");
            return RotaryScaling.Read(
                config, section?.Section("full_attention") ?? section, config.Number("rope_theta", 1000000),
                RotarySize(config, sizes));
        });

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        stream.Add(layer.Scope, Attend(layer, Norm(layer["operator_norm"], stream, layer.Sizes)));
        stream.Add(layer.Scope, Feed(layer, Norm(layer["ffn_norm"], stream, layer.Sizes)));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, NormEpsilon(scope.Config));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(NormEpsilon(config)),
            Names = new AttentionNames { Output = "out_proj", QueryNorm = "q_layernorm", KeyNorm = "k_layernorm" },
        };

    protected override GraphValue Attend(DecoderLayer layer, GraphValue x)
    {
        var config = layer.Config;
        var kernel = config.Int("conv_L_cache", 3);
        return LayerTypes.IsAttention(config, layer.Index)
            ? base.Attend(layer, x)
            : kernel < 2 ? throw config.Unsupported("conv_L_cache", "2 or more")
            : new ShortConvolution(layer.Sizes.HiddenSize, kernel, config.Flag("conv_bias", false))
                .Build(layer["conv"], x, layer.Inputs, layer.Index);
    }

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        int hidden = layer.Sizes.HiddenSize, inner = InnerSize(layer.Config);
        ModuleScope block = layer["feed_forward"], activation = block["act_fn"];
        var gate = block["w1"].Linear(x, hidden, inner);
        var weight = activation.Mul(gate, activation.Sigmoid(gate));
        var gated = block.Mul(weight, block["w3"].Linear(x, hidden, inner));
        return block["w2"].Linear(gated, inner, hidden);
    }

    private static float NormEpsilon(ConfigReader config) => (float)config.Number("norm_eps", 1e-5);

    // Two thirds of the stated size, times a factor, rounded up to a multiple.
    private static int InnerSize(ConfigReader config)
    {
        var size = config.Has("block_ff_dim") ? config.Int("block_ff_dim") : config.Int("intermediate_size");
        if (!config.Flag("block_auto_adjust_ff_dim", true))
        {
            return size;
        }

        var multiple = config.Int("block_multiple_of", 256);
        size = (int)(config.Number("block_ffn_dim_multiplier", 1) * (int)(2L * size / 3));
        return size > 0
            ? (size + multiple - 1) / multiple * multiple
            : throw config.Bad("block_ffn_dim_multiplier", "a positive factor");
    }
}
