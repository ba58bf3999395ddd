using TorchSharp;

namespace Slipway.Tracing.Proof;

/// <summary>Compares tensors.</summary>
/// <param name="Absolute">The largest difference of two elements.</param>
/// <param name="Relative">That difference over the largest finite element.</param>
internal readonly record struct Difference(double Absolute, double Relative)
{
    private const long Piece = 1 << 20;

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

        var (left, right) = (actual.cpu().reshape(-1), expected.cpu().reshape(-1));
        double largest = 0, scale = 0;
        for (long start = 0; start < left.numel(); start += Piece)
        {
            using var piece = torch.NewDisposeScope();
            var count = Math.Min(Piece, left.numel() - start);
            var (difference, size) = OfPiece(
                left.narrow(0, start, count).to(torch.ScalarType.Float64),
                right.narrow(0, start, count).to(torch.ScalarType.Float64));
            (largest, scale) = (Math.Max(largest, difference), Math.Max(scale, size));
        }

        return new(largest, largest.Equals(0.0) ? 0 : largest / Math.Max(scale, 1e-30));
    }

    private static (double Difference, double Scale) OfPiece(torch.Tensor left, torch.Tensor right)
    {
        var isSame = left.eq(right).logical_or(left.isnan().logical_and(right.isnan()));
        var difference = torch.where(isSame, torch.zeros_like(left), (left - right).abs());
        difference = torch.nan_to_num(difference, double.PositiveInfinity, double.PositiveInfinity);
        var scale = torch.where(right.isfinite(), right.abs(), torch.zeros_like(right));
        return (difference.max().ToDouble(), scale.max().ToDouble());
    }
}
