using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// OLMo: Llama with norms with a mean and without weights, and queries, keys and values within limits.
/// </summary>
/// <remarks>Source: OLMo (arXiv 2402.00838).</remarks>
internal sealed class Olmo : Llama
{
    public override string PackageType => "olmo";

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.PlainLayerNorm(stream.Sum(scope), sizes.HiddenSize, 1e-5f);

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            ClipQkv = config.Has("clip_qkv") ? Limit(config) : null,
        };

    private static float Limit(ConfigReader config) => config.Number("clip_qkv") is > 0 and var limit
        ? (float)limit
        : throw config.Bad("clip_qkv", "a positive number");
}
