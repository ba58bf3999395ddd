using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slipway.Export.Quantization;

/// <summary>
/// Tries zero points and scales of each block and keeps those with the smallest squared error, in which a weight counts
/// for as much as its input's mean square.
/// </summary>
/// <remarks>
/// With d = code − zero point, weight w and importance h the best scale for given codes is Σhdw / Σhd², which leaves
/// the error Σhw² − (Σhdw)² / Σhd²: a candidate is judged by (Σhdw)² / Σhd² alone. The best one is then rounded again
/// with its own scale, which can only lower the error.
/// </remarks>
public sealed class WeightedSearch : BlockMethod
{
    // Zero points on either side of the one that fits the block's range.
    private const int Reach = 4;

    // Factors of the scale that just holds the range, in fortieths: 0.7 to 1.05, and 1 for weights on a grid.
    private const int Narrowest = 28, Widest = 42;

    private const int Refinements = 2;

    /// <inheritdoc/>
    public override string Name => "weighted";

    /// <inheritdoc/>
    public override string Description =>
        "searches each block's scale and zero point for the smallest error, weighted by how large inputs are";

    /// <inheritdoc/>
    public override StatisticsNeed Needs => StatisticsNeed.SecondMoments;

    /// <inheritdoc/>
    protected override BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float low, float high, int maximum)
    {
        var values = MemoryMarshal.Cast<float, Vector512<float>>(weights);
        var counts = MemoryMarshal.Cast<float, Vector512<float>>(importance);
        BlockGrid best = default;
        var bestScore = float.NegativeInfinity;
        var middle = -low / (high - low) * maximum;
        int first = Math.Max((int)middle - Reach, 0), last = Math.Min((int)middle + 1 + Reach, maximum);
        for (var zeroPoint = first; zeroPoint <= last; zeroPoint++)
        {
            var holding = Math.Max(
                zeroPoint < maximum ? high / (maximum - zeroPoint) : 0, zeroPoint > 0 ? -low / zeroPoint : 0);
            for (var fortieths = Narrowest; fortieths <= Widest; fortieths++)
            {
                Try(values, counts, holding * (fortieths / 40f), zeroPoint, maximum, ref best, ref bestScore);
            }
        }

        for (var round = 0; round < Refinements; round++)
        {
            Try(values, counts, best.Scale, best.ZeroPoint, maximum, ref best, ref bestScore);
        }

        return best;
    }

    private static void Try(
        ReadOnlySpan<Vector512<float>> values, ReadOnlySpan<Vector512<float>> counts, float step, int zeroPoint,
        int maximum, ref BlockGrid best, ref float bestScore)
    {
        var inverse = Vector512.Create(1 / step);
        var lowest = Vector512.Create((float)-zeroPoint);
        var highest = Vector512.Create((float)(maximum - zeroPoint));
        Vector512<float> products = Vector512<float>.Zero, squares = Vector512<float>.Zero;
        for (var index = 0; index < values.Length; index++)
        {
            var weights = values[index];
            var steps = Vector512.Min(Vector512.Max(Vector512.Round(weights * inverse), lowest), highest);
            var counted = steps * counts[index];
            products += counted * weights;
            squares += counted * steps;
        }

        float product = Vector512.Sum(products), square = Vector512.Sum(squares);
        var score = square > 0 ? product * product / square : 0;
        if (score > bestScore)
        {
            bestScore = score;
            best = new BlockGrid(step, (byte)zeroPoint, square > 0 ? product / square : step);
        }
    }
}
