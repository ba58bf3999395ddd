using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>Seed-OSS: Llama with biases on query, key and value.</summary>
/// <remarks>Source: ByteDance's Seed-OSS.</remarks>
internal sealed class SeedOss : Llama
{
    public override string PackageType => "seed_oss";

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 128) };

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("attention_bias", true),
            OutputBias = config.Flag("attention_out_bias", false),
        };
}
