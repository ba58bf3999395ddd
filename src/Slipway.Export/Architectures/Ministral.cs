using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Architectures;

/// <summary>Ministral: Mistral with windows in some layers.</summary>
/// <remarks>Source: Mistral AI's Ministral 8B.</remarks>
internal sealed class Ministral : Llama
{
    public override string PackageType => "ministral";

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        RotarySections.Get(tables, RotarySize(tables.Config, sizes), Window(tables.Config, layer), scaleWindows: true);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = Window(config, layer) };

    private static int? Window(ConfigReader config, int layer) => config.Has("layer_types")
        ? LayerTypes.Window(config, layer)
        : config.OptionalInt("sliding_window");
}
