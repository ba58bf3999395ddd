using Slipway.Training.Adapters;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Multiplies by a matrix: <c>x · weightᵀ + bias</c>, in the number type of <c>x</c>.</summary>
public sealed class Projection : nn.Module<Tensor, Tensor>
{
    /// <summary>Creates the projection with unset weights.</summary>
    /// <param name="name">The module's name.</param>
    /// <param name="inputs">The width of <c>x</c>.</param>
    /// <param name="outputs">The width of the result.</param>
    /// <param name="bias">Whether there is a bias.</param>
    /// <param name="transposed">Whether the weight is stored as [inputs, outputs], as GPT-2 has it.</param>
    public Projection(string name, int inputs, int outputs, bool bias, bool transposed = false)
        : base(name)
    {
        (Inputs, Outputs, IsTransposed) = (inputs, outputs, transposed);
        weight = new Parameter(transposed ? zeros(inputs, outputs) : zeros(outputs, inputs));
        register_parameter(nameof(weight), weight);
        if (bias)
        {
            this.bias = new Parameter(zeros(outputs));
            register_parameter(nameof(bias), this.bias);
        }
    }

    /// <summary>[outputs, inputs], or [inputs, outputs] where <see cref="IsTransposed"/>.</summary>
    public Parameter weight { get; }

    /// <summary>[outputs]; null where the projection has none.</summary>
    public Parameter? bias { get; }

    /// <summary>The width of what comes in.</summary>
    public int Inputs { get; }

    /// <summary>The width of what goes out.</summary>
    public int Outputs { get; }

    /// <summary>Tells whether the weight is stored as [inputs, outputs].</summary>
    public bool IsTransposed { get; }

    /// <summary>The trained addition to this projection; null for none.</summary>
    internal ProjectionAdapter? Adapter { get; set; }

    /// <summary>The weight as codes, which is used in the parameter's place; null where the parameter holds
    /// it.</summary>
    internal FrozenWeight? Frozen { get; set; }

    /// <summary>Projects [tokens, inputs] to [tokens, outputs].</summary>
    public override Tensor forward(Tensor input)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        return (Adapter is null ? Plain(input) : Adapter.Apply(this, input)).MoveToOuterDisposeScope();
    }

    /// <summary>Projects by several matrices at once: one product over their joined rows.</summary>
    public static Tensor Joined(Tensor input, params ReadOnlySpan<Projection> parts)
    {
        ArgumentNullException.ThrowIfNull(input);
        using var scope = NewDisposeScope();
        var (weights, biases, changed) = (new List<Tensor>(parts.Length), new List<Tensor>(parts.Length), false);
        foreach (var part in parts)
        {
            changed |= part.Adapter is not null || part.Frozen is not null;
            weights.Add(part.weight.to(input.dtype));
            if (part.bias is not null)
            {
                biases.Add(part.bias.to(input.dtype));
            }
        }

        if (changed)
        {
            // One of them is more than a matrix.
            var outputs = new List<Tensor>(parts.Length);
            foreach (var part in parts)
            {
                outputs.Add(part.forward(input));
            }

            return cat(outputs, -1).MoveToOuterDisposeScope();
        }

        var joined = nn.functional.linear(input, cat(weights), biases.Count > 0 ? cat(biases) : null);
        return joined.MoveToOuterDisposeScope();
    }

    /// <summary>Projects without the adapter.</summary>
    /// <param name="input">[tokens, inputs]</param>
    /// <param name="withBias">Whether the bias is added.</param>
    internal Tensor Plain(Tensor input, bool withBias = true)
    {
        var shift = withBias ? bias?.to(input.dtype) : null;
        if (Frozen is not null)
        {
            var product = FrozenLinearFunction.Apply(input, Frozen);
            return shift is null ? product : product.Plus(shift);
        }

        var cast = weight.to(input.dtype);
        return nn.functional.linear(input, IsTransposed ? cast.t() : cast, shift);
    }

    /// <summary>The weight as [outputs, inputs] in float32, whatever holds it.</summary>
    internal Tensor Matrix() => Frozen?.Dequantize() ?? (IsTransposed ? weight.t() : weight);
}
