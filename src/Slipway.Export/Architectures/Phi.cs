using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Phi-1, Phi-1.5 and Phi-2: norms with a mean, biases, half a head that turns, and parallel blocks.</summary>
/// <remarks>Source: Textbooks Are All You Need II (arXiv 2309.05463).</remarks>
internal sealed class Phi : Llama
{
    public override string PackageType => "phi";

    public override DecoderNames Names { get; } = new() { Norm = "final_layernorm" };

    protected override double RotaryShare => 0.5;

    protected override bool HeadBias(ConfigReader config) => true;

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var normed = Norm(layer["input_layernorm"], stream, layer.Sizes);
        stream.Add(layer.Scope, Attend(layer, normed));
        stream.Add(layer.Scope, Feed(layer, normed));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.LayerNorm(stream.Sum(scope), sizes.HiddenSize, LayerEpsilon(scope.Config));

    protected override GroupQueryAttention Attention(ConfigReader config, DecoderSizes sizes, int layer) =>
        base.Attention(config, sizes, layer) with
        {
            InputBias = true,
            OutputBias = true,
            Norm = config.Flag("qk_layernorm", false) ? HeadNorms.Layer(LayerEpsilon(config)) : null,
            Names = new AttentionNames { Output = "dense", QueryNorm = "q_layernorm", KeyNorm = "k_layernorm" },
        };

    protected override GraphValue Feed(DecoderLayer layer, GraphValue x) =>
        new PlainFeedForward(
            layer.Sizes.HiddenSize, layer.Config.Int("intermediate_size"),
            Activations.Find(layer.Config, "hidden_act", "gelu_new"), Bias: true)
        {
            Up = "fc1", Down = "fc2",
        }.Build(layer[Names.FeedForward], x);

    private static float LayerEpsilon(ConfigReader config) => (float)config.Number("layer_norm_eps", 1e-5);
}
