using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>Qwen2 and Qwen2.5: Llama with biases on query, key and value, and windows in some layers.</summary>
/// <remarks>Source: Qwen2 (arXiv 2407.10671).</remarks>
internal sealed class Qwen2 : Llama
{
    public override string PackageType => "qwen2";

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = true,
            OutputBias = false,
            Window = LayerTypes.Window(config, layer),
        };
}
