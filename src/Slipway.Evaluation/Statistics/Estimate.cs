namespace Slipway.Evaluation.Statistics;

/// <summary>Holds a measured value and the interval that covers the true one in 95 of 100 samples.</summary>
/// <param name="Value">The measured value.</param>
/// <param name="Low">The interval's lower end.</param>
/// <param name="High">The interval's upper end.</param>
/// <param name="Method">
/// The way the interval was found: <c>normal</c>, <c>wilson</c> or <c>bootstrap</c>; <c>range</c> where it is the least
/// and the largest of several measurements, whose median is the value.
/// </param>
public readonly record struct Estimate(double Value, double Low, double High, string Method)
{
    internal const string Range = "range";

    // The 97.5 % quantile of the normal distribution.
    private const double Z = 1.959963984540054;

    /// <summary>Estimates a mean.</summary>
    /// <remarks>
    /// Wilson's score interval where all values are 0 or 1 (E. B. Wilson, 1927): it stays within 0 and 1 and does not
    /// shrink to nothing where all are the same. Otherwise the mean ± 1.96 standard errors.
    /// </remarks>
    /// <param name="values">The values of independent items; at least one.</param>
    /// <exception cref="ArgumentException">There is no value.</exception>
    public static Estimate OfMean(IReadOnlyList<double> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (values.Count == 0)
        {
            throw new ArgumentException("There is no value to take the mean of.", nameof(values));
        }

        var (count, mean) = ((double)values.Count, values.Average());
        if (values.All(value => value is 0 or 1))
        {
            var scale = 1 + (Z * Z / count);
            var centre = (mean + (Z * Z / (2 * count))) / scale;
            var half = Z / scale * Math.Sqrt((mean * (1 - mean) / count) + (Z * Z / (4 * count * count)));
            return new Estimate(mean, Math.Max(0, centre - half), Math.Min(1, centre + half), "wilson");
        }

        var variance = values.Sum(value => (value - mean) * (value - mean)) / Math.Max(1, count - 1);
        var error = Z * Math.Sqrt(variance / count);
        return new Estimate(mean, mean - error, mean + error, "normal");
    }

    /// <summary>Estimates a measure of a whole set by drawing sets of the same size from it, with
    /// replacement.</summary>
    /// <remarks>
    /// B. Efron, "Bootstrap Methods: Another Look at the Jackknife", 1979: the interval's ends are the 2.5 % and 97.5 %
    /// quantiles of the measure over the drawn sets, those left out over which it is undefined.
    /// </remarks>
    /// <param name="count">Items of the set; at least one.</param>
    /// <param name="measure">Computes the measure over the items with the given indices, which may repeat.</param>
    /// <param name="seed">Chooses the drawn sets.</param>
    /// <param name="resamples">Sets to draw, 1 or more.</param>
    /// <exception cref="ArgumentOutOfRangeException">A count is not positive.</exception>
    public static Estimate ByBootstrap(
        int count, Func<IReadOnlyList<int>, double> measure, int seed = 0, int resamples = 1000)
    {
        ArgumentNullException.ThrowIfNull(measure);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(resamples);
        var value = measure([.. Enumerable.Range(0, count)]);
        var random = new Random(seed);
        var sample = new int[count];
        var drawn = new List<double>(resamples);
        for (var i = 0; i < resamples; i++)
        {
            for (var j = 0; j < count; j++)
            {
                sample[j] = random.Next(count);
            }

            drawn.Add(measure(sample));
        }

        drawn.RemoveAll(double.IsNaN);
        drawn.Sort();
        return drawn.Count == 0
            ? new Estimate(value, double.NaN, double.NaN, "bootstrap")
            : new Estimate(value, Quantile(drawn, 0.025), Quantile(drawn, 0.975), "bootstrap");
    }

    // Between two values in proportion.
    private static double Quantile(List<double> sorted, double share)
    {
        var place = share * (sorted.Count - 1);
        var below = (int)place;
        var above = Math.Min(below + 1, sorted.Count - 1);
        return sorted[below] + ((place - below) * (sorted[above] - sorted[below]));
    }
}
