using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>GLM-4-0414: Llama with norms before and after each part, and half a head whose neighbours turn.</summary>
/// <remarks>Source: ChatGLM, a family of large language models (arXiv 2406.12793).</remarks>
internal sealed class Glm4 : Llama
{
    public override string PackageType => "glm4";

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 128) };

    protected override double RotaryShare => 0.5;

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var attended = Attend(layer, Norm(layer["input_layernorm"], stream, layer.Sizes));
        stream.Add(layer.Scope, After(layer, "post_self_attn_layernorm", attended));
        var fed = Feed(layer, Norm(layer["post_attention_layernorm"], stream, layer.Sizes));
        stream.Add(layer.Scope, After(layer, "post_mlp_layernorm", fed));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, SmallEpsilon(scope.Config));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with { OutputBias = false, Interleaved = true };

    protected override GatedFeedForward FeedForward(ConfigReader config) =>
        base.FeedForward(config) with { StoredPacked = true };

    private static GraphValue After(DecoderLayer layer, string norm, GraphValue x) =>
        layer[norm].RmsNorm(x, layer.Sizes.HiddenSize, SmallEpsilon(layer.Config));

    private static float SmallEpsilon(ConfigReader config) => (float)config.Number("rms_norm_eps", 1.5625e-7);
}
