using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slipway.Export.Quantization;

/// <summary>
/// Tries grids somewhat narrower and wider than a block's range and keeps the one with the smallest squared error.
/// </summary>
/// <remarks>
/// For given codes the best scale is a least-squares fit: with d = code − zero point and weight w it is
/// Σdw / Σd², and it leaves the error Σw² − (Σdw)² / Σd². So a candidate is judged by (Σdw)² / Σd² alone, without
/// decoding anything. A narrower grid clips the outermost weights and places all others more finely; a wider one may
/// meet the zero point better.
/// </remarks>
public sealed class SearchedScales : BlockMethod
{
    // Factors of the block's range in fortieths: 0.8 to 1.1, and 1 exactly for weights that lie on a grid already.
    private const int Narrowest = 32;
    private const int Widest = 44;

    /// <inheritdoc/>
    public override string Name => "search";

    /// <inheritdoc/>
    public override string Description => "searches each block's scale and zero point for the smallest squared error";

    /// <inheritdoc/>
    protected override BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float low, float high, int maximum)
    {
        var range = high - low;
        var values = MemoryMarshal.Cast<float, Vector512<float>>(weights);
        BlockGrid best = default;
        var bestScore = float.NegativeInfinity;
        for (var fortieths = Narrowest; fortieths <= Widest; fortieths++)
        {
            var step = range * (fortieths / 40f) / maximum;

            // The window of codes keeps the block's middle: what is clipped is clipped at both ends alike.
            var zero = Math.Clamp(((maximum * step) - (low + high)) / (2 * step), 0, maximum);
            var below = MathF.Floor(zero);
            var score = Fit(values, step, below, maximum, out var scale);
            if (score > bestScore)
            {
                (bestScore, best) = (score, new BlockGrid(step, (byte)below, scale));
            }

            var above = MathF.Ceiling(zero);
            if (above == below)
            {
                continue;
            }

            score = Fit(values, step, above, maximum, out scale);
            if (score > bestScore)
            {
                (bestScore, best) = (score, new BlockGrid(step, (byte)above, scale));
            }
        }

        return best;
    }

    private static float Fit(
        ReadOnlySpan<Vector512<float>> values, float step, float zeroPoint, int maximum, out float scale)
    {
        var inverse = Vector512.Create(1 / step);
        Vector512<float> lowest = Vector512.Create(-zeroPoint), highest = Vector512.Create(maximum - zeroPoint);
        Vector512<float> products = Vector512<float>.Zero, squares = Vector512<float>.Zero;
        foreach (var weights in values)
        {
            var steps = Vector512.Min(Vector512.Max(Vector512.Round(weights * inverse), lowest), highest);
            products += steps * weights;
            squares += steps * steps;
        }

        float product = Vector512.Sum(products), square = Vector512.Sum(squares);
        scale = square > 0 ? product / square : step;
        return square > 0 ? product * product / square : 0;
    }
}
