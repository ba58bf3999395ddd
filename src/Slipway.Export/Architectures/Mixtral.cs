using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Mixtral: Mistral whose feed-forward blocks are experts.</summary>
/// <remarks>Source: Mixtral of Experts (arXiv 2401.04088).</remarks>
internal sealed class Mixtral : Llama
{
    public override string PackageType => "decoder";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = config.OptionalInt("sliding_window") };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x)
    {
        var sizes = MixtureSizes.Read(layer.Config, "num_local_experts", "intermediate_size");
        SoftmaxRouter router = new()
        {
            HiddenSize = sizes.HiddenSize, Experts = sizes.Experts, Chosen = sizes.Chosen,
        };
        return MixtralExperts.Build(layer, x, sizes, router);
    }
}
