using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Export.Modules.Rotary;

namespace Slipway.Export.Architectures;

/// <summary>SmolLM3: Llama in which every few layers have no rotary positions.</summary>
/// <remarks>Source: Hugging Face's SmolLM3; layers without positions: arXiv 2501.18795.</remarks>
internal sealed class SmolLm3 : Llama
{
    public override string PackageType => "smollm3";

    public override bool TiedByDefault => true;

    protected override RotaryTable? Rotary(RotaryTables tables, DecoderSizes sizes, int layer) =>
        HasPositions(tables.Config, layer)
            ? tables.Get("", config => RotaryScaling.Read(config, RotarySize(config, sizes)))
            : null;

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Window = config.Has("layer_types") ? LayerTypes.Window(config, layer)
                : config.Flag("use_sliding_window", false) && !HasPositions(config, layer)
                ? config.OptionalInt("sliding_window")
                : null,
        };

    private static bool HasPositions(ConfigReader config, int layer) =>
        config.Numbers("no_rope_layers") is not { } rotates ? (layer + 1) % config.Int("no_rope_layer_interval", 4) != 0
        : layer < rotates.Count ? rotates[layer] != 0
        : throw config.Bad("no_rope_layers", "an entry for each layer");
}
