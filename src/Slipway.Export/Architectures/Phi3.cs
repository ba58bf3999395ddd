using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>
/// Phi-3 and Phi-4: Llama whose checkpoint has query, key and value, and gate and up, in one tensor each.
/// </summary>
/// <remarks>Source: Phi-3 (arXiv 2404.14219).</remarks>
internal sealed class Phi3 : Llama
{
    public override string PackageType => "phi3";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Layout = AttentionLayout.FusedQkv,
            Window = config.OptionalInt("sliding_window"),
        };

    protected override GatedFeedForward FeedForward(ConfigReader config) =>
        base.FeedForward(config) with { StoredPacked = true };
}
