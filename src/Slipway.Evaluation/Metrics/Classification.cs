namespace Slipway.Evaluation.Metrics;

/// <summary>Scores predicted classes.</summary>
/// <remarks>
/// The measures of GLUE (A. Wang et al., 2018) as scikit-learn defines them: a ratio whose denominator is 0 is 0.
/// Classes are all values that labels or predictions have; a prediction that names no class may be any value of its own
/// and is wrong. Thread-safe.
/// </remarks>
public static class Classification
{
    /// <summary>Computes the share of predictions that are right, 0 to 1.</summary>
    /// <typeparam name="T">A class.</typeparam>
    /// <param name="predictions">The predicted classes.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double Accuracy<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        where T : notnull
    {
        References.CheckPairs(predictions, labels);
        return (double)Right(predictions, labels) / labels.Count;
    }

    /// <summary>Computes the F1 score of one class, 0 to 1.</summary>
    /// <typeparam name="T">A class.</typeparam>
    /// <param name="predictions">The predicted classes.</param>
    /// <param name="labels">The right ones.</param>
    /// <param name="positive">The class to find.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double F1<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels, T positive)
        where T : notnull
    {
        References.CheckPairs(predictions, labels);
        var both = predictions.Zip(labels).Count(pair => Same(pair.First, positive) && Same(pair.Second, positive));
        var either = predictions.Count(one => Same(one, positive)) + labels.Count(one => Same(one, positive));
        return either == 0 ? 0 : 2.0 * both / either;
    }

    /// <summary>Computes the mean of all classes' F1 scores, each class with the same weight.</summary>
    /// <typeparam name="T">A class.</typeparam>
    /// <param name="predictions">The predicted classes.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double MacroF1<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        where T : notnull
    {
        References.CheckPairs(predictions, labels);
        return Classes(predictions, labels).Average(positive => F1(predictions, labels, positive));
    }

    /// <summary>
    /// Computes the F1 score of all decisions together; where each text has one class it is the accuracy.
    /// </summary>
    /// <typeparam name="T">A class.</typeparam>
    /// <param name="predictions">The predicted classes.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double MicroF1<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        where T : notnull
    {
        References.CheckPairs(predictions, labels);
        double right = Right(predictions, labels);
        return 2 * right / (predictions.Count + labels.Count);
    }

    /// <summary>Computes Matthews' correlation coefficient, −1 to 1, of two or more classes.</summary>
    /// <remarks>
    /// J. Gorodkin, "Comparing two K-category assignments by a K-category correlation coefficient", 2004; 0 where
    /// labels or predictions are all the same.
    /// </remarks>
    /// <typeparam name="T">A class.</typeparam>
    /// <param name="predictions">The predicted classes.</param>
    /// <param name="labels">The right ones.</param>
    /// <exception cref="ArgumentException">The lists differ in length or are empty.</exception>
    public static double Matthews<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        where T : notnull
    {
        References.CheckPairs(predictions, labels);
        var (count, covariance, predicted, expected) = ((double)labels.Count, 0.0, 0.0, 0.0);
        foreach (var one in Classes(predictions, labels))
        {
            double asPredicted = predictions.Count(value => Same(value, one)), asLabel = labels.Count(
                value => Same(value, one));
            covariance -= asPredicted * asLabel;
            predicted += asPredicted * asPredicted;
            expected += asLabel * asLabel;
        }

        covariance += count * Right(predictions, labels);
        var scale = Math.Sqrt((count * count) - predicted) * Math.Sqrt((count * count) - expected);
        return scale == 0 ? 0 : covariance / scale;
    }

    private static int Right<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        => predictions.Zip(labels).Count(pair => Same(pair.First, pair.Second));

    private static IEnumerable<T> Classes<T>(IReadOnlyList<T> predictions, IReadOnlyList<T> labels)
        => labels.Concat(predictions).Distinct();

    private static bool Same<T>(T left, T right) => EqualityComparer<T>.Default.Equals(left, right);
}
