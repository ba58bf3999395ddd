using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>StableLM 2 and 3B: Llama with norms with a mean and a quarter of a head that turns.</summary>
/// <remarks>Source: Stable LM 2 1.6B (arXiv 2402.17834).</remarks>
internal sealed class StableLm : Llama
{
    public override string PackageType => "stablelm";

    protected override double RotaryShare => 0.25;

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        if (layer.Config.Flag("use_parallel_residual", false))
        {
            var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
            stream.Add(layer.Scope, Attend(layer, normed));
            stream.Add(layer.Scope, Feed(layer, normed));
        }
        else
        {
            base.Layer(layer, stream);
        }
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, LayerEpsilon(scope.Config));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("use_qkv_bias", false),
            OutputBias = false,
            Norm = config.Flag("qk_layernorm", false) ? HeadNorms.LayerModules(LayerEpsilon(config)) : null,
            Names = new AttentionNames { QueryNorm = "q_layernorm", KeyNorm = "k_layernorm" },
        };

    private static float LayerEpsilon(ConfigReader config) => (float)config.Number("layer_norm_eps", 1e-5);
}
