using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Slipway.Export.Quantization;

/// <summary>Searches the scale s and minimum m of a block whose codes q stand for q·s + m.</summary>
/// <remarks>
/// For given codes both are a weighted least-squares fit: with importance h, s = (Σh·Σhqw − Σhq·Σhw) / (Σh·Σhq² −
/// (Σhq)²) and m = (Σhw − s·Σhq) / Σh, which leave the error Σhw² − s·Σhqw − m·Σhw. Codes come from ranges that are
/// narrower or wider than the block's at either end, the block's own among them; the best one is rounded again by its
/// fit.
/// </remarks>
internal static class MinimumSearch
{
    private const int MaxBlock = 256;

    // Parts of the range that are left out at either end, in fortieths.
    private const int Widest = -1, Narrowest = 5;

    private const int Refinements = 2;

    /// <summary>Searches a block.</summary>
    /// <param name="weights">The block's weights.</param>
    /// <param name="importance">What a squared error of each counts for; positive.</param>
    /// <param name="maximum">The largest code.</param>
    /// <param name="codes">Receives the codes; those beyond the weights are 0.</param>
    public static (float Scale, float Minimum) Search(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, int maximum, Span<byte> codes)
    {
        Span<float> space = stackalloc float[2 * MaxBlock];
        var paddedWeights = space[..codes.Length];
        var paddedImportance = space.Slice(MaxBlock, codes.Length);
        paddedWeights.Clear();
        paddedImportance.Clear();
        weights.CopyTo(paddedWeights);
        importance.CopyTo(paddedImportance);
        float low = TensorPrimitives.Min(weights), high = TensorPrimitives.Max(weights);
        var range = high - low;
        codes.Clear();
        if (!float.IsNormal(range / maximum))
        {
            return (1, low);
        }

        var values = MemoryMarshal.Cast<float, Vector512<float>>(paddedWeights);
        var counts = MemoryMarshal.Cast<float, Vector512<float>>(paddedImportance);
        Fit best = new(range / maximum, low, double.NegativeInfinity);
        var (step, start) = (best.Scale, best.Minimum);
        for (var below = Widest; below <= Narrowest; below++)
        {
            for (var above = Widest; above <= Narrowest; above++)
            {
                var (first, last) = (low + (range * below / 40), high - (range * above / 40));
                Try(values, counts, (last - first) / maximum, first, maximum, ref best, ref step, ref start);
            }
        }

        for (var round = 0; round < Refinements; round++)
        {
            Try(values, counts, best.Scale, best.Minimum, maximum, ref best, ref step, ref start);
        }

        var inverse = 1 / step;
        for (var index = 0; index < weights.Length; index++)
        {
            codes[index] = (byte)Math.Clamp(MathF.Round((weights[index] - start) * inverse), 0, maximum);
        }

        return (best.Scale, best.Minimum);
    }

    private static void Try(
        ReadOnlySpan<Vector512<float>> values, ReadOnlySpan<Vector512<float>> counts, float step, float start,
        int maximum, ref Fit best, ref float bestStep, ref float bestStart)
    {
        Vector512<float> inverse = Vector512.Create(1 / step), first = Vector512.Create(start);
        var highest = Vector512.Create((float)maximum);
        Vector512<float> all = default, steps = default, squares = default, weighted = default, products = default;
        for (var index = 0; index < values.Length; index++)
        {
            var weights = values[index];
            var codes = Vector512.Min(
                Vector512.Max(Vector512.Round((weights - first) * inverse), Vector512<float>.Zero), highest);
            var (count, counted) = (counts[index], counts[index] * codes);
            all += count;
            steps += counted;
            squares += counted * codes;
            weighted += count * weights;
            products += counted * weights;
        }

        double h = Vector512.Sum(all), hq = Vector512.Sum(steps), hqq = Vector512.Sum(squares);
        double hw = Vector512.Sum(weighted), hqw = Vector512.Sum(products);
        var determinant = (h * hqq) - (hq * hq);
        if (determinant <= 1e-6 * h * hqq)
        {
            return;
        }

        var scale = ((h * hqw) - (hq * hw)) / determinant;
        var minimum = (hw - (scale * hq)) / h;
        var score = (scale * hqw) + (minimum * hw);
        if (scale > 0 && score > best.Score)
        {
            best = new Fit((float)scale, (float)minimum, score);
            (bestStep, bestStart) = (step, start);
        }
    }

    private readonly record struct Fit(float Scale, float Minimum, double Score);
}
