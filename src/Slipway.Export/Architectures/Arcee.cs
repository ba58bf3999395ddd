using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Arcee AFM: Llama whose feed-forward blocks have squared ReLU and no gate.</summary>
/// <remarks>Source: Arcee AI's AFM-4.5B.</remarks>
internal sealed class Arcee : Llama
{
    public override string PackageType => "arcee";

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("intermediate_size"),
            Activations.Find(layer.Config, "hidden_act", "relu2"), layer.Config.Flag("mlp_bias", false))
        .Build(layer[Names.FeedForward], x);
}
