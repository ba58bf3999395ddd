using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Qwen3 with experts: Qwen3 whose feed-forward blocks are experts, but for layers that are named.</summary>
/// <remarks>Source: Qwen3 (arXiv 2505.09388).</remarks>
internal sealed class Qwen3Moe : Llama
{
    public override string PackageType => "decoder";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Norm = HeadNorms.Rms(Epsilon(config)),
            Window = config.Has("layer_types") ? LayerTypes.Window(config, layer)
                : config.Flag("use_sliding_window", false) ? config.OptionalInt("sliding_window")
                : null,
        };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        SparseLayers.IsSparse(layer.Config, layer.Index)
            ? QwenExperts.Build(layer["mlp"], x, normalizeByDefault: false)
            : base.Feed(layer, x);
}
