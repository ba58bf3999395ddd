using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>Hunyuan without experts: Llama with a norm over each query and key head after it turned.</summary>
/// <remarks>Source: Tencent's Hunyuan dense models.</remarks>
internal sealed class HunYuan : Llama
{
    public override string PackageType => "hunyuan_v1_dense";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(Epsilon(config, 1e-5)),
            NormAfterRotary = true,
            Names = new AttentionNames { QueryNorm = "query_layernorm", KeyNorm = "key_layernorm" },
        };
}
