using Slipway.Export.Configuration;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Qwen3-Next: Qwen3.5's layers with Qwen's experts, and what belongs to a key head stored together.</summary>
/// <remarks>Source: Hugging Face's Qwen3-Next; Gated Delta Networks (arXiv 2412.06464).</remarks>
internal sealed class Qwen3Next : Qwen35
{
    public override string PackageType => "qwen3_next";

    protected override bool StoredByHead => true;

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        SparseLayers.IsSparse(layer.Config, layer.Index)
            ? QwenExperts.BuildShared(layer["mlp"], x, FeedForward(layer.Config), normalizeByDefault: true)
            : base.Feed(layer, x);
}
