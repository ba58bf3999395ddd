using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>Compares tensors.</summary>
/// <param name="Absolute">The largest difference of two elements.</param>
/// <param name="Relative">That difference over the largest finite element.</param>
internal readonly record struct Difference(double Absolute, double Relative)
{
    /// <summary>Compares two tensors of one shape; elements that are no numbers must be so in both.</summary>
    public static Difference Of(torch.Tensor actual, torch.Tensor expected)
    {
        using var scope = torch.NewDisposeScope();
        if (!actual.shape.AsSpan().SequenceEqual(expected.shape))
        {
            return new(double.PositiveInfinity, double.PositiveInfinity);
        }

        if (expected.numel() == 0)
        {
            return default;
        }

        var (left, right) = (actual.cpu().to(torch.ScalarType.Float64), expected.cpu().to(torch.ScalarType.Float64));
        var isSame = left.eq(right).logical_or(left.isnan().logical_and(right.isnan()));
        var difference = torch.where(isSame, torch.zeros_like(left), (left - right).abs());
        difference = torch.nan_to_num(difference, double.PositiveInfinity, double.PositiveInfinity);
        var scale = torch.where(right.isfinite(), right.abs(), torch.zeros_like(right)).max().ToDouble();
        var largest = difference.max().ToDouble();
        return new(largest, largest.Equals(0.0) ? 0 : largest / Math.Max(scale, 1e-30));
    }
}
