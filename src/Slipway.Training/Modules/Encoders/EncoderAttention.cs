using static TorchSharp.torch;

namespace Slipway.Training.Modules.Encoders;

/// <summary>Mixes values by the scores of queries and keys, both ways.</summary>
internal static class EncoderAttention
{
    /// <summary>Attends within each sequence, one at a time: no padding is computed.</summary>
    /// <param name="all">Queries, then keys, then values: [tokens, 3, heads, width].</param>
    /// <param name="layout">Where each sequence starts.</param>
    /// <param name="side">The tokens on either side that a token sees; null for all.</param>
    /// <returns>[tokens, heads × width]</returns>
    public static Tensor Mix(Tensor all, SequenceLayout layout, int? side = null)
    {
        using var scope = NewDisposeScope();
        return cat([.. all.split(layout.Lengths, 0).Select(one =>
        {
            var parts = one.permute(1, 2, 0, 3);   // [3, heads, length, width]
            var length = one.shape[0];
            var seen = side < length - 1
                ? ones(length, length, ScalarType.Bool, one.device).tril(side.Value).triu(-side.Value) : null;
            return nn.functional.scaled_dot_product_attention(parts[0], parts[1], parts[2], seen)
                .permute(1, 0, 2).reshape(length, -1);
        })]).MoveToOuterDisposeScope();
    }
}
