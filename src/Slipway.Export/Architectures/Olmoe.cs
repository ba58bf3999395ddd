using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>OLMoE: Llama with experts, and norms over all query and all key heads.</summary>
/// <remarks>Source: OLMoE (arXiv 2409.02060).</remarks>
internal sealed class Olmoe : Llama
{
    public override string PackageType => "decoder";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        config.Has("clip_qkv")
            ? throw config.Unsupported("clip_qkv", "none")
            : base.Attention(config, sizes, layer) with
            {
                Norm = HeadNorms.WholeRms((float)config.Number("rms_norm_eps", 1e-5)),
            };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        QwenExperts.Build(layer["mlp"], x, normalizeByDefault: false);
}
