namespace Slipway.Training.Models;

/// <summary>Reads a layer's window of attention from a configuration.</summary>
internal static class LayerWindows
{
    /// <summary>By <c>layer_types</c>; by <c>use_sliding_window</c> and <c>max_window_layers</c> without
    /// them.</summary>
    public static int? ByTypes(ModelConfig config, int layer) => Types(config, layer) is { } sliding
        ? sliding ? config.Window() : null
        : config.Flag("use_sliding_window", false) && layer >= config.Whole("max_window_layers", 28)
            ? config.OptionalWindow() : null;

    /// <summary>Every layer has <c>sliding_window</c>, where it is set.</summary>
    public static int? All(ModelConfig config, int layer) => config.OptionalWindow();

    /// <summary>By <c>layer_types</c>; every second layer without them.</summary>
    public static int? Alternating(ModelConfig config, int layer) =>
        (Types(config, layer) ?? layer % 2 == 0) ? config.Whole("sliding_window", 4096) : null;

    /// <summary>By <c>layer_types</c>; all but every sixth layer, or as <c>sliding_window_pattern</c> says, without
    /// them.</summary>
    public static int? MostLayers(ModelConfig config, int layer) =>
        (Types(config, layer) ?? (layer + 1) % config.Whole("sliding_window_pattern", 6) != 0)
            ? config.Whole("sliding_window", 4096) : null;

    // Whether a layer has a window; null where the configuration has no list.
    private static bool? Types(ModelConfig config, int layer) => config.Texts("layer_types") is not { } types ? null
        : layer >= types.Count ? throw config.Bad("layer_types", $"has {types.Count} entries", "one for each layer")
        : types[layer] switch
        {
            "full_attention" => false,
            "sliding_attention" => true,
            var other => throw config.Bad(
                "layer_types", $"holds '{other}'", "'full_attention' and 'sliding_attention'"),
        };
}
