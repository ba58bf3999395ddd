using static TorchSharp.torch;

namespace Slipway.Tracing.Lowering;

/// <summary>Writes out, for tracing, running products, ranks and interpolated statistics.</summary>
internal static class Statistics
{
    /// <summary>Stands for <c>cumprod</c>: each product of a prefix, over a triangle.</summary>
    public static Tensor CumulativeProduct(object self, long dim, ScalarType? type)
    {
        var x = (Tensor)self;
        var last = (type is { } wanted ? x.to(wanted) : x).transpose(dim, -1);
        last = last.is_integral() ? last.to(ScalarType.Int64) : last;
        var length = last.shape[^1];
        var isLater = ones([length, length], ScalarType.Bool, x.device).triu(1);
        return last.unsqueeze(-2).masked_fill(isLater, 1).prod(-1).transpose(dim, -1);
    }

    /// <summary>Stands for <c>bucketize</c>: the number of boundaries below.</summary>
    public static Tensor Bucketize(object self, Tensor boundaries, bool outInt32, bool right)
        => Below(boundaries, ((Tensor)self).unsqueeze(-1), outInt32, right);

    /// <summary>Stands for <c>searchsorted</c>: the number of elements of the row below.</summary>
    public static Tensor SearchSorted(Tensor sorted, Tensor values, bool int32, bool right, Tensor? sorter)
    {
        sorted = sorter is null ? sorted : sorted.gather(-1, sorter);
        return Below(sorted.ndim == 1 ? sorted : sorted.unsqueeze(-2), values.unsqueeze(-1), int32, right);
    }

    /// <summary>Stands for <c>searchsorted</c> of one number.</summary>
    public static Tensor SearchSorted(
        Tensor sorted, TorchSharp.Scalar value, bool int32, bool right, Tensor? sorter)
    {
        sorted = sorter is null ? sorted : sorted.gather(-1, sorter);
        var count = (right ? sorted.le(value) : sorted.lt(value)).sum([-1L]);
        return int32 ? count.to(ScalarType.Int32) : count;
    }

    /// <summary>Stands for <c>median</c>: the lower of two.</summary>
    public static Tensor Median(object self)
    {
        var flat = ((Tensor)self).reshape(-1);
        return flat.sort(0).Values.narrow(0, (flat.shape[0] - 1) / 2, 1).squeeze(0);
    }

    /// <summary>Stands for <c>quantile</c>: between two neighbours, in proportion.</summary>
    /// <remarks>An axis of −1 means all elements: TorchSharp 0.107 passes none on then.</remarks>
    public static Tensor Quantile(object self, Tensor q, long dim, bool keepdim)
    {
        var x = (Tensor)self;
        var rank = x.ndim;
        var isAll = dim == -1;
        x = isAll ? x.reshape(-1) : x;
        dim = isAll ? 0 : dim < 0 ? dim + rank : dim;
        var last = x.sort(dim).Values.transpose(dim, -1);
        var place = q.reshape(-1) * (last.shape[^1] - 1);
        var below = place.floor();
        var low = last.index_select(-1, below.to(ScalarType.Int64));
        var high = last.index_select(-1, place.ceil().to(ScalarType.Int64));

        // [.., q] with the axis that was reduced last: [q, .., 1], and the axis back where it was
        var between = (low + ((high - low) * (place - below))).unsqueeze(0).transpose(0, -1).transpose(dim + 1, -1);
        between = q.ndim > 0 ? between : between.squeeze(0);
        var leading = q.ndim;
        return !keepdim ? between.squeeze(dim + leading)
            : isAll ? between.reshape([.. q.shape, .. Enumerable.Repeat(1L, (int)rank)]) : between;
    }

    /// <summary>Stands for <c>diff</c>, which TorchSharp 0.107 takes once only.</summary>
    public static Tensor Difference(object self, long n, long dim, Tensor? prepend, Tensor? append)
    {
        _ = n;
        var x = (Tensor)self;
        if (prepend is not null)
        {
            x = cat([prepend, x], dim);
        }

        if (append is not null)
        {
            x = cat([x, append], dim);
        }

        var steps = x.shape[(int)(dim < 0 ? dim + x.ndim : dim)] - 1;
        return x.dtype == ScalarType.Bool
            ? x.narrow(dim, 1, steps).logical_xor(x.narrow(dim, 0, steps))
            : x.narrow(dim, 1, steps) - x.narrow(dim, 0, steps);
    }

    /// <summary>Stands for <c>isin</c>.</summary>
    public static Tensor IsIn(object self, Tensor elements, bool assumeUnique, bool invert)
    {
        _ = assumeUnique;
        var found = ((Tensor)self).unsqueeze(-1).eq(elements.reshape(-1)).any(-1);
        return invert ? found.logical_not() : found;
    }

    /// <summary>Stands for <c>logaddexp2</c>.</summary>
    public static Tensor LogAddExp2(object self, Tensor other)
        => ((Tensor)self * Math.Log(2)).logaddexp(other * Math.Log(2)) / Math.Log(2);

    private static Tensor Below(Tensor sorted, Tensor values, bool int32, bool orEqual)
    {
        var count = (orEqual ? sorted.le(values) : sorted.lt(values)).sum([-1L]);
        return int32 ? count.to(ScalarType.Int32) : count;
    }
}
