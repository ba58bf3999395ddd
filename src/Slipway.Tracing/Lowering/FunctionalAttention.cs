using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the attention of <c>functional</c>.</summary>
internal static class FunctionalAttention
{
    /// <summary>Stands for <c>functional.scaled_dot_product_attention</c>.</summary>
    public static Tensor ScaledDotProduct(
        Tensor query, Tensor key, Tensor value, Tensor? mask, double p, bool isCausal)
    {
        if (p > 0)
        {
            throw new NotSupportedException(
                "Attention with dropout makes random numbers. Pass 'p: training ? p : 0'.");
        }

        var scores = query.matmul(key.transpose(-2, -1)) * (1 / Math.Sqrt(query.shape[^1]));
        if (isCausal)
        {
            var open = ones([query.shape[^2], key.shape[^2]], ScalarType.Bool, scores.device).tril();
            scores = scores.masked_fill(open.logical_not(), float.NegativeInfinity);
        }

        if (mask is not null)
        {
            scores = mask.dtype == ScalarType.Bool
                ? scores.masked_fill(mask.logical_not(), float.NegativeInfinity) : scores + mask;
        }

        return functional.softmax(scores, -1).matmul(value);
    }
}
