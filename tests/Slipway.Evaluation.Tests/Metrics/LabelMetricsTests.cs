using Slipway.Evaluation.Metrics;

namespace Slipway.Evaluation.Tests.Metrics;

public sealed class LabelMetricsTests
{
    [Fact]
    public void Classification_ConstantOrForeignPredictions_AreNoDivisionByZero()
    {
        Assert.Equal(0, Classification.Matthews([1, 1, 1], [1, 0, 1]));
        Assert.Equal(0, Classification.F1(["no"], ["no"], "yes"));
        Assert.Equal(1, Classification.F1(["yes"], ["yes"], "yes"));
        Assert.Equal(-1, Classification.Matthews(["a", "b"], ["b", "a"]), 1e-12);

        // A prediction that names no class is a class of its own, without a right one.
        Assert.Equal((1 + 0 + 0) / 3.0, Classification.MacroF1(["a", "?"], ["a", "b"]), 1e-12);
        Assert.Equal(0.5, Classification.MicroF1(["a", "?"], ["a", "b"]), 1e-12);
        Assert.Throws<ArgumentException>(() => Classification.Accuracy(Array.Empty<int>(), []));
    }

    [Fact]
    public void Spearman_EqualNumbers_HaveTheMeanOfTheirRanks()
    {
        // Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4.
        Assert.Equal(Math.Sqrt(0.9), Correlation.Spearman([1, 5, 5, 9], [1, 2, 3, 4]), 1e-12);
        Assert.Equal(1, Correlation.Spearman([1, 10, 100], [1, 2, 3]), 1e-12);
        Assert.Equal(-1, Correlation.Pearson([1, 2, 3], [3, 2, 1]), 1e-12);
    }

    [Fact]
    public void Correlation_ConstantNumbers_IsUndefined()
    {
        Assert.True(double.IsNaN(Correlation.Pearson([0.1, 0.1, 0.1], [1, 2, 3])));
        Assert.True(double.IsNaN(Correlation.Spearman([2, 2], [1, 2])));
    }

    [Fact]
    public void PassAtK_CountsOutOfRange_AreRefused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Estimate(5, 1, 6));
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Estimate(5, 6, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Estimate(5, -1, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => PassAtK.Estimate(5, 1, 0));
        Assert.Equal(1, PassAtK.Estimate(100_000, 99_999, 2));
    }
}
