using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Brings vectors to a mean of zero and a variance of one, then scales and shifts them.</summary>
/// <remarks>Computed in float32 whatever comes in and goes out (Ba and others, 2016).</remarks>
internal sealed class LayerNorm : nn.Module<Tensor, ScalarType, Tensor>
{
    private readonly double _epsilon;

    public LayerNorm(string name, int width, double epsilon, bool hasBias = true)
        : base(name)
    {
        _epsilon = epsilon;
        weight = new Parameter(ones(width));
        register_parameter(nameof(weight), weight);
        if (hasBias)
        {
            bias = new Parameter(zeros(width));
            register_parameter(nameof(bias), bias);
        }
    }

    private Parameter weight { get; }

    private Parameter? bias { get; }

    /// <summary>Normalizes the last dimension of [.., width] and answers it in the asked number type.</summary>
    public override Tensor forward(Tensor input, ScalarType type)
    {
        using var scope = NewDisposeScope();
        return nn.functional.layer_norm(input.to(float32), [weight.shape[0]], weight, bias, _epsilon).to(type)
            .MoveToOuterDisposeScope();
    }
}
