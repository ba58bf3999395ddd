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
        tables.Get("", config => RotaryScaling.Read(config, RotarySize(config, sizes))) is var table
        && tables.Config.Numbers("no_rope_layers") is { } turns
            ? layer < turns.Count
                ? turns[layer] == 0 ? null : table
                : throw tables.Config.Bad("no_rope_layers", "an entry for each layer")
            : (layer + 1) % tables.Config.Int("no_rope_layer_interval", 4) == 0 ? null : table;

    protected override GroupedAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { Window = LayerTypes.Window(config, layer) };
}
