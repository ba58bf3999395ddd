using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Architectures;

/// <summary>OLMo 3: OLMo 2 with windows in three of four layers, whose positions are not scaled.</summary>
/// <remarks>Source: OLMo 3 (Allen Institute for AI, 2025).</remarks>
internal sealed class Olmo3 : Olmo2
{
    public override string PackageType => "olmo3";

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        RotarySections.Get(tables, RotarySize(tables.Config, sizes), Window(tables.Config, layer), scaleWindows: false);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = Window(config, layer) };

    private static int? Window(ConfigReader config, int layer) =>
        config.Has("layer_types") ? LayerTypes.Window(config, layer)
        : (layer + 1) % 4 != 0 ? config.Int("sliding_window", 4096)
        : null;
}
