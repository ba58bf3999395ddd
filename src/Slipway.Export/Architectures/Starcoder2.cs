using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>
/// StarCoder2: Llama with norms with a mean, biases, a window, and feed-forward blocks without gates.
/// </summary>
/// <remarks>Source: StarCoder 2 (arXiv 2402.19173).</remarks>
internal sealed class Starcoder2 : Llama
{
    public override string PackageType => "starcoder2";

    public override bool TiedByDefault => true;

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, (float)scope.Config.Number("norm_epsilon", 1e-5));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = config.Flag("use_bias", true),
            OutputBias = config.Flag("use_bias", true),
            Window = config.OptionalInt("sliding_window"),
        };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("intermediate_size"),
            Activations.Find(layer.Config, "hidden_act", "gelu_pytorch_tanh"), layer.Config.Flag("use_bias", true))
        {
            Up = "c_fc", Down = "c_proj",
        }.Build(layer[Names.FeedForward], x);
}
