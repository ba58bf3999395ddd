using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Multiplies by a quantized matrix, with gradients of the input and of the scales.</summary>
/// <remarks>
/// <code>
/// y = x · Wᵀ, W[r, c] = value[r, c] · scale[r, block of c]
/// ∂scale[r, b] = Σ over c in b of value[r, c] · (∂yᵀ · x)[r, c]
/// </code>
/// The float form of the matrix lives during the product only, so that a pass over a model holds one at a time.
/// </remarks>
internal sealed class QuantizedLinearFunction : autograd.SingleTensorFunction<QuantizedLinearFunction>
{
    public override string Name => nameof(QuantizedLinearFunction);

    /// <summary>Computes the product.</summary>
    /// <param name="x">float32 [rows of x, columns].</param>
    /// <param name="scales">float32 [rows, blocks].</param>
    /// <param name="weight">The matrix.</param>
    /// <returns>float32 [rows of x, rows].</returns>
    public static Tensor Apply(Tensor x, Tensor scales, QuantizedWeight weight) => apply(x, scales, weight);

    public override Tensor forward(autograd.AutogradContext ctx, params object[] vars)
    {
        var (x, scales, weight) = ((Tensor)vars[0], (Tensor)vars[1], (QuantizedWeight)vars[2]);
        using var scope = NewDisposeScope();
        ctx.save_for_backward([x, scales]);
        ctx.save_data(nameof(QuantizedWeight), weight);
        return x.matmul(weight.Dequantize(scales).t()).MoveToOuterDisposeScope();
    }

    public override List<Tensor> backward(autograd.AutogradContext ctx, Tensor grad_output)
    {
        var weight = (QuantizedWeight)ctx.get_data(nameof(QuantizedWeight));
        var saved = ctx.get_saved_variables();
        using var scope = NewDisposeScope();
        var (x, scales) = (saved[0], saved[1]);
        using var gradient = grad_output.contiguous();
        var inputs = gradient.matmul(weight.Dequantize(scales));
        var weights = gradient.t().matmul(x);
        if (weight.Columns != weight.Values.shape[1])
        {
            weights = nn.functional.pad(weights, [0, weight.Values.shape[1] - weight.Columns]);
        }

        var products = weights.mul_(weight.Values).view(weight.Rows, weight.Blocks, weight.BlockSize).sum(-1);
        return [inputs.MoveToOuterDisposeScope(), products.MoveToOuterDisposeScope(), null!];
    }
}
