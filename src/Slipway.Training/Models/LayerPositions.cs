using System.Text.Json.Nodes;

namespace Slipway.Training.Models;

/// <summary>Reads a layer's rotary positions from a configuration.</summary>
internal static class LayerPositions
{
    /// <summary>The same for all layers.</summary>
    public static RopeParameters? Same(ModelConfig config, int layer) =>
        config.Rope(config.Section("rope_parameters") ?? config.Section("rope_scaling"), "rope_theta", 10000);

    /// <summary>None for every fourth layer, or those that <c>no_rope_layers</c> gives a 0.</summary>
    public static RopeParameters? Sparse(ModelConfig config, int layer) =>
        (config.Numbers("no_rope_layers") is not { } turning
            ? (layer + 1) % config.Whole("no_rope_layer_interval", 4) != 0
            : layer < turning.Count ? turning[layer] != 0
            : throw config.Bad("no_rope_layers", $"has {turning.Count} entries", "one for each layer"))
            ? Same(config, layer) : null;

    /// <summary>Frequencies of their own for layers with a window.</summary>
    public static RopeParameters? ByWindow(ModelConfig config, int layer)
    {
        var window = config.Architecture.Window(config, layer) is not null;
        var both = config.Section("rope_parameters");

        // Newer configurations have a section a kind of layer; in older ones only layers without window are scaled.
        var section = both?["rope_type"] is not null ? both
            : both?[window ? "sliding_attention" : "full_attention"] as JsonObject
            ?? (window ? null : config.Section("rope_scaling"));
        return window
            ? config.Rope(section, "rope_local_base_freq", 10000) : config.Rope(section, "rope_theta", 1000000);
    }

    /// <summary>None: positions are learned.</summary>
    public static RopeParameters? None(ModelConfig config, int layer) => null;
}
