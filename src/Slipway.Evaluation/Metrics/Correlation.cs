namespace Slipway.Evaluation.Metrics;

/// <summary>Scores predicted numbers by how they go together with the right ones.</summary>
/// <remarks>Both coefficients are not a number where one of the lists is constant. Thread-safe.</remarks>
public static class Correlation
{
    /// <summary>Computes Pearson's coefficient of linear correlation, −1 to 1.</summary>
    /// <param name="predictions">The predicted numbers.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double Pearson(IReadOnlyList<double> predictions, IReadOnlyList<double> labels)
    {
        References.CheckPairs(predictions, labels);
        double[] x = Centred(predictions), y = Centred(labels);
        var scale = Math.Sqrt(x.Sum(value => value * value)) * Math.Sqrt(y.Sum(value => value * value));
        return scale > 0 ? Math.Clamp(x.Zip(y, (left, right) => left * right).Sum() / scale, -1, 1) : double.NaN;
    }

    /// <summary>Computes Spearman's coefficient of rank correlation, −1 to 1.</summary>
    /// <remarks>Equal numbers have the mean of their ranks.</remarks>
    /// <param name="predictions">The predicted numbers.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double Spearman(IReadOnlyList<double> predictions, IReadOnlyList<double> labels)
    {
        References.CheckPairs(predictions, labels);
        return Pearson(Ranks(predictions), Ranks(labels));
    }

    private static double[] Centred(IReadOnlyList<double> values)
    {
        // The mean of equal numbers may differ from them by a rounding error, which would look like a spread.
        var mean = values.Min() == values.Max() ? values[0] : values.Average();
        return [.. values.Select(value => value - mean)];
    }

    private static double[] Ranks(IReadOnlyList<double> values)
    {
        int[] order = [.. Enumerable.Range(0, values.Count).OrderBy(index => values[index])];
        var ranks = new double[values.Count];
        for (var start = 0; start < order.Length;)
        {
            var end = start + 1;
            while (end < order.Length && values[order[end]] == values[order[start]])
            {
                end++;
            }

            foreach (var index in order.AsSpan(start..end))
            {
                ranks[index] = (start + end + 1) / 2.0;
            }

            start = end;
        }

        return ranks;
    }
}
