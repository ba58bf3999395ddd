namespace Slipway.Export.Quantization;

/// <summary>
/// Moves each block's zero point so that few large errors are allowed for the sake of many small ones.
/// </summary>
/// <remarks>
/// Minimizes |W − (q − z)·s|ₚ with p below 1 by half-quadratic splitting: e = shrink(W − (q − z)·s), then z = mean(q −
/// (W − e) / s), with a growing weight of the split. The zero point is rounded, as the operator has it, and the scale
/// fitted last. Source: Badri and Shaji, Half-Quadratic Quantization of Large Machine Learning Models (2023).
/// </remarks>
public sealed class Hqq : BlockMethod
{
    private const int Iterations = 20;
    private const float Norm = 0.7f, FirstWeight = 10, WeightGrowth = 1.01f;

    /// <inheritdoc/>
    public override string Name => "hqq";

    /// <inheritdoc/>
    public override string Description => "half-quadratic splitting: zero points that a few outliers do not move";

    /// <inheritdoc/>
    protected override BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, float low, float high, int maximum)
    {
        var step = (high - low) / maximum;
        var (zero, weight) = (-low / step, FirstWeight);
        var (best, bestError) = (zero, float.PositiveInfinity);
        for (var iteration = 0; iteration < Iterations; iteration++, weight *= WeightGrowth)
        {
            float sum = 0, errors = 0;
            foreach (var value in weights)
            {
                var code = Math.Clamp(MathF.Round((value / step) + zero), 0, maximum);
                var error = value - ((code - zero) * step);
                sum += code - ((value - Shrunk(error, weight)) / step);
                errors += Math.Abs(error);
            }

            if (errors >= bestError)
            {
                break;
            }

            (best, bestError) = (zero, errors);
            zero = sum / weights.Length;
        }

        var zeroPoint = (byte)Math.Clamp(MathF.Round(best), 0, maximum);
        return new BlockGrid(step, zeroPoint, Fitted(weights, step, zeroPoint, maximum));
    }

    private static float Shrunk(float error, float weight)
    {
        var size = Math.Abs(error);
        return size == 0
            ? 0 : Math.Sign(error) * Math.Max(size - (MathF.Pow(size, Norm - 1) / weight), 0);
    }

    private static float Fitted(ReadOnlySpan<float> weights, float step, int zeroPoint, int maximum)
    {
        float products = 0, squares = 0;
        foreach (var value in weights)
        {
            var steps = Math.Clamp(MathF.Round(value / step), -zeroPoint, maximum - zeroPoint);
            products += steps * value;
            squares += steps * steps;
        }

        return squares > 0 ? products / squares : step;
    }
}
