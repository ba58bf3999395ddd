using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Architectures;

/// <summary>Gemma: Llama with a scaled embedding, norms whose weights are stored as what exceeds 1, and GELU.</summary>
/// <remarks>Source: Gemma (arXiv 2403.08295).</remarks>
internal class Gemma : Llama
{
    public override string PackageType => "gemma";

    public override bool TiedByDefault => true;

    public override DecoderSizes Sizes(ConfigReader config) =>
        base.Sizes(config) with { HeadDim = config.Int("head_dim", 256) };

    protected override GraphValue Embed(ModuleScope scope, GraphValue ids, DecoderSizes sizes) =>
        scope.Mul(base.Embed(scope, ids, sizes), scope.Float((float)Math.Sqrt(sizes.HiddenSize)));

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config), offset: 1);

    // Early configurations say 'gelu' for its tanh approximation, under another key.
    protected override GatedFeedForward FeedForward(ConfigReader config) => base.FeedForward(config) with
    {
        Activation = Activations.Find(config, "hidden_activation", "gelu_pytorch_tanh"),
    };
}
