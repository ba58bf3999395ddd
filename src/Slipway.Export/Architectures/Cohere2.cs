using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Architectures;

/// <summary>Command R7B and A: Command R with windows in three of four layers; the others have no positions.</summary>
/// <remarks>Source: Command A (arXiv 2504.00698).</remarks>
internal sealed class Cohere2 : Cohere
{
    public override string PackageType => "cohere2";

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        Window(tables.Config, layer) is null ? null : base.Rotary(tables, sizes, layer);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Norm = null, Window = Window(config, layer) };

    private static int? Window(ConfigReader config, int layer) =>
        config.Has("layer_types") ? LayerTypes.Window(config, layer)
        : (layer + 1) % config.Int("sliding_window_pattern", 4) != 0 ? config.Int("sliding_window", 4096)
        : null;
}
