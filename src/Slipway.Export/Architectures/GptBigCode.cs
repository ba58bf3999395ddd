using Slipway.Export.Configuration;
using Slipway.Export.Modules;

namespace Slipway.Export.Architectures;

/// <summary>GPT-BigCode (SantaCoder, StarCoder): GPT-2 whose heads share one key and value.</summary>
/// <remarks>Source: StarCoder (arXiv 2305.06161).</remarks>
internal sealed class GptBigCode : Gpt2
{
    public override string PackageType => "gpt_bigcode";

    public override DecoderSizes Sizes(ConfigReader config) => base.Sizes(config) is var sizes
        && config.Flag("multi_query", true) ? sizes with { KeyValueHeads = 1 } : sizes;

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            Transposed = false,
            Layout = config.Flag("multi_query", true) ? AttentionLayout.FusedQkv : AttentionLayout.InterleavedQkv,
            Scale = config.Flag("scale_attn_weights", true) ? null : 1,
        };

    protected override PlainFeedForward FeedForward(ConfigReader config, DecoderSizes sizes) =>
        base.FeedForward(config, sizes) with
        {
            Transposed = false,
            Activation = Activations.Find(config, "activation_function", "gelu_pytorch_tanh"),
        };
}
