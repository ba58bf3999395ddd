using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>Qwen3: Llama with a norm over each query and key head.</summary>
/// <remarks>Source: Qwen3 (arXiv 2505.09388).</remarks>
internal sealed class Qwen3 : Llama
{
    public override string PackageType => "qwen3";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(Epsilon(config)),
            Window = LayerTypes.Window(config, layer),
        };
}
