using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Multiplies by a matrix: <c>x · weightᵀ + bias</c>, in the number type of <c>x</c>.</summary>
public sealed class Projection : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the projection with unset weights.</summary>
    public Projection(string name, int inputs, int outputs, bool bias)
        : base(name)
    {
        weight = new Parameter(zeros(outputs, inputs));
        register_parameter(nameof(weight), weight);
        if (bias)
        {
            this.bias = new Parameter(zeros(outputs));
            register_parameter(nameof(bias), this.bias);
        }
    }

    /// <summary>[outputs, inputs]</summary>
    public Parameter weight { get; }

    /// <summary>[outputs]; null where the projection has none.</summary>
    public Parameter? bias { get; }

    /// <summary>Projects [tokens, inputs] to [tokens, outputs].</summary>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var cast = weight.to(input.dtype);
        return nn.functional.linear(input, cast, bias?.to(input.dtype)).MoveToOuterDisposeScope();
    }

    /// <summary>Projects by several matrices at once: one product over their joined rows.</summary>
    public static Tensor Joined(Tensor input, params ReadOnlySpan<Projection> parts)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var weights = new List<Tensor>(parts.Length);
        var biases = new List<Tensor>(parts.Length);
        foreach (var part in parts)
        {
            weights.Add(part.weight.to(input.dtype));
            if (part.bias is not null)
            {
                biases.Add(part.bias.to(input.dtype));
            }
        }

        var joined = nn.functional.linear(input, cat(weights), biases.Count > 0 ? cat(biases) : null);
        return joined.MoveToOuterDisposeScope();
    }
}
