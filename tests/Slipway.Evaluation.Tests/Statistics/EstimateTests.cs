using Slipway.Evaluation.Statistics;

namespace Slipway.Evaluation.Tests.Statistics;

public sealed class EstimateTests
{
    [Fact]
    public void OfMean_Shares_HaveWilsonsInterval()
    {
        // The interval of 8 of 10, as any table of it has it.
        var estimate = Estimate.OfMean([1, 1, 1, 1, 1, 1, 1, 1, 0, 0]);
        Assert.Equal(("wilson", 0.8), (estimate.Method, estimate.Value));
        Assert.Equal(0.4902, estimate.Low, 1e-4);
        Assert.Equal(0.9433, estimate.High, 1e-4);

        var all = Estimate.OfMean([1, 1, 1, 1]);
        Assert.Equal(1, all.High);
        Assert.InRange(all.Low, 0.4, 0.6);
    }

    [Fact]
    public void OfMean_Numbers_HaveTheNormalInterval()
    {
        // Mean 3, sample variance 2.5, standard error sqrt(0.5).
        var estimate = Estimate.OfMean([1, 2, 3, 4, 5]);
        Assert.Equal("normal", estimate.Method);
        Assert.Equal(3 + (1.959964 * Math.Sqrt(0.5)), estimate.High, 1e-5);
        Assert.Throws<ArgumentException>(() => Estimate.OfMean([]));
    }

    [Fact]
    public void ByBootstrap_Mean_IsNearTheNormalIntervalAndRepeats()
    {
        double[] values = [.. Enumerable.Range(0, 200).Select(i => (double)(i * 7919 % 200))];
        Estimate Draw(int seed) => Estimate.ByBootstrap(
            values.Length, sample => sample.Average(index => values[index]), seed);
        var normal = Estimate.OfMean(values);
        Assert.Equal(normal.Low, Draw(1).Low, 2.0);
        Assert.Equal(normal.High, Draw(1).High, 2.0);
        Assert.Equal(Draw(1), Draw(1));
        Assert.NotEqual(Draw(1), Draw(2));
    }

    [Fact]
    public void ByBootstrap_UndefinedOverSomeSamples_LeavesThemOut()
    {
        var estimate = Estimate.ByBootstrap(2, sample => sample[0] == sample[1] ? double.NaN : 5);
        Assert.Equal((5.0, 5.0, 5.0), (estimate.Value, estimate.Low, estimate.High));
        Assert.True(double.IsNaN(Estimate.ByBootstrap(1, _ => double.NaN).Low));
    }
}
