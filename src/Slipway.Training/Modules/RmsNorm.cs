using Slipway.Training.Autograd;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Scales vectors to a root mean square of one, then by learned weights.</summary>
/// <remarks>Computed in float32 whatever comes in and goes out (Zhang and Sennrich, 2019).</remarks>
public sealed class RmsNorm : nn.Module<Tensor, ScalarType, Tensor>
{
    private readonly double _epsilon;

    /// <summary>Creates the norm with weights of one.</summary>
    public RmsNorm(string name, int width, double epsilon)
        : base(name)
    {
        _epsilon = epsilon;
        weight = new Parameter(ones(width));
        register_parameter(nameof(weight), weight);
    }

    /// <summary>[width]</summary>
    public Parameter weight { get; }

    /// <summary>Normalizes the last dimension of [.., width] and answers it in the asked number type.</summary>
    public override Tensor forward(Tensor input, ScalarType type)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (input.dim() == 2 && input.dtype == float32 && input.is_contiguous()
            && FusedRows.Applies(input, input.shape[1]))
        {
            return RmsNormFunction.Apply(input, weight, _epsilon, type);
        }

        using var scope = NewDisposeScope();
        var wide = input.to(float32);
        var inverse = rsqrt(wide.square().mean([-1], keepdim: true) + _epsilon);
        return (wide * inverse * weight).to(type).MoveToOuterDisposeScope();
    }
}
