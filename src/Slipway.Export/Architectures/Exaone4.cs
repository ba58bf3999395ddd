using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Architectures;

/// <summary>
/// EXAONE 4: OLMo 2 with norms over each head; where some layers have windows, only those have positions.
/// </summary>
/// <remarks>Source: EXAONE 4.0 (arXiv 2507.11407).</remarks>
internal sealed class Exaone4 : Olmo2
{
    public override string PackageType => "exaone4";

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        tables.Config.Has("sliding_window") && Window(tables.Config, layer) is null
            ? null
            : base.Rotary(tables, sizes, layer);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(Epsilon(config, 1e-5)),
            Window = Window(config, layer),
        };

    private static int? Window(ConfigReader config, int layer) =>
        !config.Has("sliding_window") ? null
        : config.Has("layer_types") ? LayerTypes.Window(config, layer)
        : (layer + 1) % config.Int("sliding_window_pattern", 4) != 0 ? config.Int("sliding_window")
        : null;
}
