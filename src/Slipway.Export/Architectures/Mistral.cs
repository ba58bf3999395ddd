using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>Mistral: Llama whose layers may see only a window of the last positions.</summary>
/// <remarks>Source: Mistral 7B (arXiv 2310.06825).</remarks>
internal class Mistral : Llama
{
    public override string PackageType => "mistral";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = config.OptionalInt("sliding_window") };
}
