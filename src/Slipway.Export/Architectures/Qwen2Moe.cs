using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Qwen 1.5 and 2 with experts: Qwen2 with chosen experts, and one that all tokens share.</summary>
/// <remarks>Source: Qwen2 (arXiv 2407.10671).</remarks>
internal sealed class Qwen2Moe : Llama
{
    public override string PackageType => "decoder";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("qkv_bias", true),
            OutputBias = false,
            Window = Window(config, layer),
        };

    // Without a list of types every second layer of the first ones has none.
    private static int? Window(ConfigReader config, int layer) =>
        config.Has("layer_types") || !config.Flag("use_sliding_window", false) ? LayerTypes.Window(config, layer)
        : layer % 2 == 0 && layer < config.Int("max_window_layers", 28) ? config.OptionalInt("sliding_window")
        : null;

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        SparseLayers.IsSparse(layer.Config, layer.Index)
            ? QwenExperts.BuildShared(layer["mlp"], x, FeedForward(layer.Config), normalizeByDefault: false)
            : base.Feed(layer, x);
}
