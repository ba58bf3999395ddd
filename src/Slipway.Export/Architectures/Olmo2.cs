using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// OLMo 2: Llama with norms after attention and feed-forward instead of before, and over query and key.
/// </summary>
/// <remarks>Source: OLMo 2 (arXiv 2501.00656).</remarks>
internal class Olmo2 : Llama
{
    public override string PackageType => "olmo2";

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var attended = Attend(layer, stream.Sum(layer.Scope));
        stream.Add(layer.Scope, After(layer, "post_attention_layernorm", attended));
        var fed = FeedForward(layer.Config).Build(layer["mlp"], stream.Sum(layer.Scope));
        stream.Add(layer.Scope, After(layer, "post_feedforward_layernorm", fed));
    }

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Norm = HeadNorms.WholeRms(Epsilon(config)) };

    private static GraphValue After(DecoderLayer layer, string norm, GraphValue x) =>
        layer[norm].RmsNorm(x, layer.Sizes.HiddenSize, Epsilon(layer.Config));
}
