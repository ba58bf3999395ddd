using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Modules;

/// <summary>Self-attention in which every token sees every other one that is no padding.</summary>
internal static class EncoderAttention
{
    // Far below every score, and such that the sum of two is still finite.
    public const float Unseen = -1e30f;

    /// <summary>Attends.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="query">[batch, sequence, hidden].</param>
    /// <param name="key">[batch, sequence, hidden].</param>
    /// <param name="value">[batch, sequence, hidden].</param>
    /// <param name="seen">int32 [batch, sequence]: 1 for tokens, 0 for padding.</param>
    /// <param name="heads">The number of heads.</param>
    /// <param name="bias">Added to scores, [1, heads or 1, sequence, sequence]; default for nothing.</param>
    /// <returns>[batch, sequence, hidden].</returns>
    public static GraphValue Attend(
        this NodeScope scope, GraphValue query, GraphValue key, GraphValue value, GraphValue seen, int heads,
        GraphValue bias = default) =>
        scope.MultiHeadAttention(
            query, key, value, seen, bias, new NodeAttribute.Int("num_heads", heads),
            new NodeAttribute.Float("mask_filter_value", Unseen));
}
