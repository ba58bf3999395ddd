using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Nemotron and Minitron: Llama with norms with a mean stored as what exceeds 1, and squared ReLU.</summary>
/// <remarks>Source: Nemotron-4 15B (arXiv 2402.16819).</remarks>
internal sealed class Nemotron : Llama
{
    public override string PackageType => "nemotron";

    protected override double RotaryShare => 0.5;

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(
            stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("norm_eps", 1e-5), offset: 1);

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("intermediate_size"),
            Activations.Find(layer.Config, "hidden_act", "relu2"), layer.Config.Flag("mlp_bias", false))
        .Build(layer[Names.FeedForward], x);
}
