using static TorchSharp.torch;

namespace Slipway.Training.Modules;

/// <summary>Mixes values by the scores of queries and keys.</summary>
internal static class AttentionScores
{
    /// <summary>Computes causal attention.</summary>
    /// <param name="queries">[.., length, head_dim]: those of the last positions.</param>
    /// <param name="keys">[.., positions, head_dim], at least as many as queries.</param>
    /// <param name="values">[.., positions, head_dim]</param>
    /// <param name="window">The positions that a query sees, its own among them; null for all before it.</param>
    /// <param name="scale">The factor of the products.</param>
    /// <param name="softcap">The bound that scores are bent to; 0 for none.</param>
    /// <returns>[.., length, head_dim]</returns>
    public static Tensor Mix(
        Tensor queries, Tensor keys, Tensor values, int? window, double scale, double softcap)
    {
        var (length, positions, width) = (queries.shape[^2], keys.shape[^2], queries.shape[^1]);
        var narrow = window < positions;
        if (softcap > 0)
        {
            // cap · tanh(scores / cap)
            var scores = queries.matmul(keys.transpose(-1, -2)).to(float32).Times(scale / softcap);
            scores = scores.tanh().Times(softcap).Masked(Seen(window).logical_not(), float.NegativeInfinity);
            return scores.softmax(-1).to(values.dtype).matmul(values);
        }

        var ordinary = 1 / Math.Sqrt(width);
        if (Math.Abs(scale - ordinary) > 1e-12)
        {
            queries = queries.Times(scale / ordinary);
        }

        return length == positions && !narrow
            ? nn.functional.scaled_dot_product_attention(queries, keys, values, is_casual: true)
            : nn.functional.scaled_dot_product_attention(queries, keys, values, Seen(window));

        // [length, positions]: whether a query sees a position.
        Tensor Seen(int? last)
        {
            var offset = positions - length;
            var all = ones(length, positions, ScalarType.Bool, queries.device).tril(offset);
            return last is { } count ? all.logical_and(ones_like(all).triu(offset - count + 1)) : all;
        }
    }
}
