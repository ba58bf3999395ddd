namespace Slipway.Export.Configuration;

/// <summary>Reads which layers have experts.</summary>
internal static class SparseLayers
{
    /// <summary>Whether a layer has experts, by <c>decoder_sparse_step</c> and <c>mlp_only_layers</c>.</summary>
    public static bool IsSparse(ConfigReader config, int layer) =>
        config.Numbers("mlp_only_layers")?.Contains(layer) != true
        && (layer + 1) % config.Int("decoder_sparse_step", 1) == 0;
}
