namespace Slipway.Export.Configuration;

/// <summary>Reads which layers see all positions and which a window of the last ones.</summary>
internal static class LayerTypes
{
    /// <summary>
    /// Tells whether a layer has linear attention, by <c>layer_types</c> or <c>full_attention_interval</c>.
    /// </summary>
    public static bool IsLinear(ConfigReader config, int layer) => config.Texts("layer_types") is not { } types
        ? (layer + 1) % config.Int("full_attention_interval", 4) != 0
        : layer >= types.Count ? throw config.Bad("layer_types", "an entry for each layer")
        : types[layer] switch
        {
            "linear_attention" => true,
            "full_attention" => false,
            _ => throw config.Unsupported("layer_types", "'linear_attention' and 'full_attention'"),
        };

    /// <summary>
    /// Tells whether a layer is a state space, by <c>layer_types</c> or <c>layers_block_type</c>; all without them.
    /// </summary>
    public static bool IsStateSpace(ConfigReader config, int layer)
    {
        var key = config.Has("layer_types") ? "layer_types" : "layers_block_type";
        return config.Texts(key) is not { } types ? true
            : layer >= types.Count ? throw config.Bad(key, "an entry for each layer")
            : types[layer] switch
            {
                "mamba" or "mamba2" or "linear_attention" => true,
                "attention" or "full_attention" => false,
                _ => throw config.Unsupported(
                    key, "'mamba' or 'linear_attention', and 'attention' or 'full_attention'"),
            };
    }

    /// <summary>Tells whether a layer has attention, by <c>layer_types</c> or <c>full_attn_idxs</c>.</summary>
    public static bool IsAttention(ConfigReader config, int layer) => config.Texts("layer_types") is not { } types
        ? config.Numbers("full_attn_idxs") is not { } places || places.Contains(layer)
        : layer >= types.Count ? throw config.Bad("layer_types", "an entry for each layer")
        : types[layer] switch
        {
            "full_attention" => true,
            "conv" => false,
            _ => throw config.Unsupported("layer_types", "'full_attention' and 'conv'"),
        };

    /// <summary>A layer's window in positions; null where it sees all.</summary>
    /// <remarks>
    /// Newer configurations list <c>layer_types</c>; older ones have <c>use_sliding_window</c> and give windows to the
    /// layers from <c>max_window_layers</c> on.
    /// </remarks>
    public static int? Window(ConfigReader config, int layer)
    {
        if (config.Texts("layer_types") is not { } types)
        {
            return config.Flag("use_sliding_window", false) && layer >= config.Int("max_window_layers", 28)
                ? config.OptionalInt("sliding_window")
                : null;
        }

        if (layer >= types.Count)
        {
            throw config.Bad("layer_types", "an entry for each layer");
        }

        return types[layer] switch
        {
            "full_attention" => null,
            "sliding_attention" => config.Int("sliding_window"),
            _ => throw config.Unsupported("layer_types", "'full_attention' and 'sliding_attention'"),
        };
    }
}
