using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>Command R: norms with a mean, parallel blocks, positions that turn neighbours, and scaled logits.</summary>
/// <remarks>Source: Cohere's Command R.</remarks>
internal class Cohere : Llama
{
    public override string PackageType => "cohere";

    public override bool TiedByDefault => true;

    public override GraphValue Head(ModuleScope root, GraphValue hidden)
    {
        // The head is linear, so the states may be scaled instead of the many logits.
        var scale = (float)root.Config.Number("logit_scale", 0.0625);
        return base.Head(root, root[Names.Head].Mul(hidden, root.Float(scale)));
    }

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, Attend(layer, normed));
        stream.Add(layer.Scope, Feed(layer, normed));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, LayerEpsilon(scope.Config), bias: false);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Interleaved = true,
            Norm = config.Flag("use_qk_norm", false) ? HeadNorms.LayerTable(LayerEpsilon(config)) : null,
        };

    private static float LayerEpsilon(ConfigReader config) => (float)config.Number("layer_norm_eps", 1e-5);
}
