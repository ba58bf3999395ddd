using static TorchSharp.torch;
using static TorchSharp.torch.nn;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the attention that torch computes natively.</summary>
internal static class Attention
{
    /// <summary>Stands for <c>MultiheadAttention.forward</c>.</summary>
    public static Tuple<Tensor, Tensor> MultiheadAttention(
        object self, Tensor query, Tensor key, Tensor value, Tensor? paddingMask, bool needWeights, Tensor? mask)
    {
        var layer = NativeLayer.Of(self);
        var (output, weights) = Attend(layer, "", query, key, value, mask, paddingMask);
        return new Tuple<Tensor, Tensor>(output, needWeights ? weights : null!);
    }

    /// <summary>softmax(q·kᵀ / √width + mask)·v by heads, on [sequence, batch, features].</summary>
    /// <returns>The output, and the weights averaged over the heads, [batch, queries, keys].</returns>
    public static (Tensor Output, Tensor Weights) Attend(
        NativeLayer layer, string prefix, Tensor query, Tensor key, Tensor value, Tensor? mask, Tensor? paddingMask)
    {
        var (length, batch, width) = (query.shape[0], query.shape[1], query.shape[2]);
        var keys = key.shape[0];
        var heads = layer.Heads;
        var q = Heads(layer, prefix, 0, query, length, batch, heads) * (1 / Math.Sqrt(width / heads));
        var k = Heads(layer, prefix, 1, key, keys, batch, heads);
        var v = Heads(layer, prefix, 2, value, keys, batch, heads);

        // [batch, heads, queries, keys]
        var scores = q.matmul(k.transpose(-2, -1));
        if (mask is not null)
        {
            var wide = mask.ndim == 3 ? mask.view(batch, heads, length, keys) : mask;

            // libtorch's layer adds masks of truth values too, as 0 and 1.
            scores = scores + wide;
        }

        if (paddingMask is not null)
        {
            scores = scores.masked_fill(
                paddingMask.to(ScalarType.Bool).unsqueeze(1).unsqueeze(2), float.NegativeInfinity);
        }

        var weights = functional.softmax(scores, -1);
        var joined = weights.matmul(v).permute(2, 0, 1, 3).reshape(length, batch, width);
        var output = functional.linear(
            joined, layer[$"{prefix}out_proj.weight"], layer.Find($"{prefix}out_proj.bias")!);
        return (output, weights.mean([1]));
    }

    // [sequence, batch, features] → [batch, heads, sequence, width]
    private static Tensor Heads(
        NativeLayer layer, string prefix, int part, Tensor x, long length, long batch, long heads)
    {
        var weight = layer.Find($"{prefix}in_proj_weight") is { } all
            ? all.chunk(3)[part] : layer[$"{prefix}{"qkv"[part]}_proj_weight"];
        var bias = layer.Find($"{prefix}in_proj_bias")?.chunk(3)[part];
        var projected = functional.linear(x, weight, bias!);
        return projected.view(length, batch, heads, projected.shape[2] / heads).permute(1, 2, 0, 3);
    }
}
