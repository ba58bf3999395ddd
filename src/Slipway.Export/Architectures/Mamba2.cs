using Slipway.Export.Configuration;
using Slipway.Export.Modules;
using Slipway.Onnx;

namespace Slipway.Export.Architectures;

/// <summary>Mamba-2: layers of one state-space part each, without attention.</summary>
/// <remarks>Source: Transformers are SSMs (arXiv 2405.21060).</remarks>
internal sealed class Mamba2 : DecoderArchitecture
{
    // Nothing in the model depends on positions; configurations do not say how long it was trained for.
    private const int ContextLength = 1 << 17;

    public override string PackageType => "decoder";

    public override IReadOnlyList<string> States => ["conv_state", "recurrent_state"];

    public override DecoderSizes Sizes(ConfigReader config) => new(
        config.Int("vocab_size"), config.Int("hidden_size"), config.Int("num_hidden_layers"), config.Int("num_heads"),
        config.Int("num_heads"), config.Int("head_dim", 64), config.Int("max_position_embeddings", ContextLength));

    public override DecoderNames Names { get; } = new()
    {
        Model = "backbone", Embedding = "embeddings", Norm = "norm_f",
    };

    protected override void Layer(DecoderLayer layer, ResidualStream stream)
    {
        var normed = Norm(layer["norm"], stream, layer.Sizes);
        stream.Add(
            layer.Scope, Mixer(layer.Config, layer.Sizes).Build(layer["mixer"], normed, layer.Inputs, layer.Index));
    }

    protected override GraphValue Norm(ModuleScope scope, ResidualStream stream, DecoderSizes sizes) =>
        scope.RmsNorm(stream, sizes.HiddenSize, Epsilon(scope.Config));

    private static float Epsilon(ConfigReader config) => (float)config.Number("layer_norm_epsilon", 1e-5);

    private static StateSpace Mixer(ConfigReader config, DecoderSizes sizes)
    {
        if (config.Text("hidden_act", "silu") is not ("silu" or "swish"))
        {
            throw config.Unsupported("hidden_act", "'silu'");
        }

        int inner = (int)(config.Number("expand", 2) * sizes.HiddenSize), groups = config.Int("n_groups", 8);
        return (long)sizes.Heads * sizes.HeadDim != inner
            ? throw config.Bad("num_heads", $"heads of size {sizes.HeadDim} that make up {inner} elements")
            : sizes.Heads % groups != 0 ? throw config.Bad("n_groups", $"a divisor of 'num_heads', {sizes.Heads}")
            : new StateSpace
            {
                HiddenSize = sizes.HiddenSize,
                Heads = sizes.Heads,
                HeadDim = sizes.HeadDim,
                Groups = groups,
                StateSize = config.Int("state_size", 128),
                Kernel = config.Int("conv_kernel", 4) is > 1 and var kernel
                    ? kernel
                    : throw config.Unsupported("conv_kernel", "2 or more"),
                Bias = config.Flag("use_bias", false),
                KernelBias = config.Flag("use_conv_bias", true),
                Epsilon = Epsilon(config),
                Steps = StateSpace.ReadSteps(config),
            };
    }
}
