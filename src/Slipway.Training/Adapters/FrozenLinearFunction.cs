using static TorchSharp.torch;

namespace Slipway.Training.Adapters;

/// <summary>Multiplies by a frozen matrix of codes, with a gradient of the input alone.</summary>
/// <remarks>The float form of the matrix lives during a product only, forwards and backwards.</remarks>
internal sealed class FrozenLinearFunction : autograd.SingleTensorFunction<FrozenLinearFunction>
{
    public override string Name => nameof(FrozenLinearFunction);

    /// <summary>Computes x · Wᵀ.</summary>
    /// <param name="x">[tokens, inputs]</param>
    /// <param name="weight">[outputs, inputs]</param>
    public static Tensor Apply(Tensor x, FrozenWeight weight) => apply(x, weight);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, weight) = ((Tensor)vars[0], (FrozenWeight)vars[1]);
        using var scope = NewDisposeScope();
        ctx.save_data(nameof(FrozenWeight), weight);
        return x.matmul(weight.Dequantize().to(x.dtype).t()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var weight = (FrozenWeight)ctx.get_data(nameof(FrozenWeight));
        using var scope = NewDisposeScope();
        using var gradient = grad_output;
        return [gradient.matmul(weight.Dequantize().to(gradient.dtype)).MoveToOuterDisposeScope(), null!];
    }
}
