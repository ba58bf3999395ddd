using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>
/// ERNIE 4.5 without experts: Llama with positions that turn neighbours, and one switch for all biases.
/// </summary>
/// <remarks>Source: Baidu's ERNIE 4.5 technical report (2025).</remarks>
internal sealed class Ernie45 : Llama
{
    public override string PackageType => "ernie4_5";

    public override bool TiedByDefault => true;

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 128) };

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("use_bias", false),
            OutputBias = config.Flag("use_bias", false),
            Interleaved = true,
        };

    protected override GatedFeedForward FeedForward(ConfigReader config) =>
        base.FeedForward(config) with { Bias = config.Flag("use_bias", false) };
}
