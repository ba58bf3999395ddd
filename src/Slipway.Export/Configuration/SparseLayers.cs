using System.Globalization;
using Slipway.Export.Modules;

namespace Slipway.Export.Configuration;

/// <summary>Reads which layers have experts, and which the model does without.</summary>
internal static class SparseLayers
{
    /// <summary>Tells whether a layer has experts, by <c>decoder_sparse_step</c> and <c>mlp_only_layers</c>.</summary>
    public static bool IsSparse(ConfigReader config, int layer) =>
        (!config.Has("num_experts") || config.CountOf("num_experts") > 0)
        && config.Numbers("mlp_only_layers")?.Contains(layer) != true
        && (layer + 1) % config.Int("decoder_sparse_step", 1) == 0;

    /// <summary>
    /// Tells whether a layer has experts, by <c>first_k_dense_replace</c> and <c>moe_layer_freq</c>, or by
    /// <c>mlp_layer_types</c>.
    /// </summary>
    /// <param name="config">The configuration.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="absent">How many of the first layers have none where the configuration does not say.</param>
    public static bool IsSparse(ConfigReader config, int layer, int absent)
    {
        const string key = "mlp_layer_types";
        return config.Texts(key) is not { } types
            ? layer >= FirstDense(config, absent) && layer % config.Int("moe_layer_freq", 1) == 0
            : layer >= types.Count ? throw config.Bad(key, "an entry for each layer")
            : types[layer] switch
            {
                "sparse" => true,
                "dense" => false,
                _ => throw config.Unsupported(key, "'sparse' and 'dense'"),
            };
    }

    private static int FirstDense(ConfigReader config, int absent) =>
        config.Number("first_k_dense_replace", absent) is >= 0 and var count && count == Math.Floor(count)
            ? (int)Math.Min(count, int.MaxValue)
            : throw config.Bad("first_k_dense_replace", "a whole number from 0 on");

    /// <summary>Leaves out the layers after the last, which were trained to predict further tokens.</summary>
    public static void IgnorePredictors(ModuleScope root)
    {
        var count = root.Config.Number("num_nextn_predict_layers", 0);
        var layers = root.Config.Int("num_hidden_layers");
        for (var index = 0; index < Math.Min(count, 16); index++)
        {
            var layer = (layers + index).ToString(CultureInfo.InvariantCulture);
            root.Build.Tensors.IgnoreModule($"layers.{layer}");
        }
    }
}
