using TorchSharp;
using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, the sums, means and maxima of rows of a table.</summary>
internal static class Bags
{
    /// <summary>Stands for <c>EmbeddingBag</c>: bags of one length, or of those that offsets tell.</summary>
    public static Tensor Bag(object self, Tensor input, Tensor? offsets, Tensor? weights)
    {
        var table = ((EmbeddingBag)self).weight!;
        var mode = NativeLayer.BagMode((EmbeddingBag)self);
        if (offsets is null)
        {
            var rows = table.index_select(0, input.reshape(-1)).reshape(input.shape[0], input.shape[1], table.shape[1]);
            rows = weights is null ? rows : rows * weights.unsqueeze(-1);
            return mode switch
            {
                EmbeddingBagMode.Sum => rows.sum([1L]),
                EmbeddingBagMode.Mean => rows.mean([1L]),
                _ => rows.amax([1L]),
            };
        }

        // Row b of the membership [bags, ids] is 1 for the ids from its offset to the next.
        var flat = table.index_select(0, input);
        flat = weights is null ? flat : flat * weights.unsqueeze(-1);
        var bag = offsets.le(arange(input.shape[0], dtype: ScalarType.Int64).unsqueeze(-1)).sum([-1L]) - 1;
        var isMember = arange(offsets.shape[0], dtype: ScalarType.Int64).unsqueeze(-1).eq(bag);
        if (mode == EmbeddingBagMode.Max)
        {
            var largest = where(isMember.unsqueeze(-1), flat, float.NegativeInfinity).amax([1L]);
            return where(isMember.any(-1, true), largest, zeros_like(largest));
        }

        var sum = isMember.to(flat.dtype).matmul(flat);
        return mode == EmbeddingBagMode.Sum ? sum
            : sum / isMember.to(flat.dtype).sum([-1L], true).clamp(min: 1);
    }
}
