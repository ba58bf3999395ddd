using Slipway.Training.Autograd;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Scales vectors to a root mean square of one, then by learned weights.</summary>
/// <remarks>Computed in float32 whatever comes in and goes out (Zhang and Sennrich, 2019).</remarks>
public sealed class RmsNorm : nn.Module<Tensor, ScalarType, Tensor>
{
    private readonly double _epsilon;
    private readonly double _offset;

    /// <summary>Creates the norm with weights that change nothing.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="width">The width of the vectors.</param>
    /// <param name="epsilon">Constant that is added to the mean square.</param>
    /// <param name="offset">Constant that is added to the weights: 1 where they are stored as what exceeds 1.</param>
    public RmsNorm(string name, int width, double epsilon, double offset = 0)
        : base(name)
    {
        (_epsilon, _offset) = (epsilon, offset);
        weight = new Parameter(ones(width).Scale(1 - offset));
        register_parameter(nameof(weight), weight);
    }

    /// <summary>[width]</summary>
    public Parameter weight { get; }

    /// <summary>Normalizes the last dimension of [.., width] and answers it in the asked number type.</summary>
    public override Tensor forward(Tensor input, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var scale = _offset == 0 ? weight : weight.Plus(_offset);
        if (input.dim() == 2 && input.dtype == float32 && input.is_contiguous()
            && FusedRows.Applies(input, input.shape[1]))
        {
            return RmsNormFunction.Apply(input, scale, _epsilon, type).MoveToOuterDisposeScope();
        }

        var wide = input.to(float32);
        var inverse = rsqrt(wide.Squared().mean([-1], keepdim: true).Plus(_epsilon));
        return (wide * inverse * scale).to(type).MoveToOuterDisposeScope();
    }
}
