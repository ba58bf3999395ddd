using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Bench.Serving;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Bench;

public sealed class ServingBenchTests(ITestOutputHelper output)
{
    private static string Package => SharedAssets.Path("genai-packages", "qwen3-fp32");

    [Fact]
    public async Task Measure_Package_TellsEachFigureBesideItsBar()
    {
        var options = Small();
        options.BaselinePackage = SharedAssets.Path("genai-packages", "llama-int4");
        options.FreshProcess = cancellationToken => ProcessProbe.MeasureAsync(Package, options, cancellationToken);
        var steps = new List<BenchProgress>();
        var report = await ServingBench.MeasureAsync(
            Package, options, new Collector(steps), TestContext.Current.CancellationToken);

        foreach (var figure in report.Figures)
        {
            output.WriteLine(figure.ToString());
        }

        Assert.Equal(
            [
                "decode alone", "prefill alone", "3 at once, decode", "5 at once, decode", "first token while 3 decode",
                "longest pause of one stream as 40 tokens arrive", "longest pause of 3 streams as 40 tokens arrive",
                "second turn, first token", "cancelled prefill, until free", "peak memory, of what is allowed",
                "load to first token",
            ],
            report.Figures.Select(figure => figure.Name));
        Assert.Equal([1.2, 2.2, 2.7, 4, 2.5, 5, 5, 0.15, 0.1, 1, 1], report.Figures.Select(figure => figure.Bar));
        Assert.All(report.Figures, figure => Assert.True(double.IsFinite(figure.Value)));
        Assert.True(report.Figures[^2].Measured > 10 && report.Figures[^1].Measured > 0);
        Assert.Equal(Package, report.Package);
        Assert.Equal(options.BaselinePackage, report.BaselinePackage);
        Assert.Equal(Enumerable.Range(0, 19), steps.Select(step => step.Done));
        Assert.All(steps, step => Assert.Equal(19, step.Runs));
    }

    [Fact]
    public void Figure_AtItsBar_IsMet()
    {
        var min = new ServingFigure("", 2.7, 2.7, true, "", 0, null);
        var max = new ServingFigure("", 5, 5, false, "", 0, null);
        Assert.True(min.IsMet && max.IsMet);
        Assert.False((min with { Value = 2.69 }).IsMet || (max with { Value = 5.01 }).IsMet);
    }

    [Fact]
    public async Task Measure_TurnBeyondTheContext_SaysWhatIsLeft()
    {
        var options = Small();
        options.TurnTokens = 110;
        var error = await Assert.ThrowsAsync<ArgumentException>(() => ServingBench.MeasureAsync(Package, options));
        Assert.Equal(
            "TurnTokens is '110'; expected from 1 to '109', which the context of '128' leaves. Ask for fewer tokens. "
            + "(Parameter 'options')",
            error.Message);
    }

    private static ServingOptions Small() => new()
    {
        PromptTokens = 12, NewTokens = 6, LongPromptTokens = 40, TurnTokens = 4, Streams = 3, ManyStreams = 5,
            Rounds = 2,
        Threads = 1,
    };

    private sealed class Collector(List<BenchProgress> items) : IProgress<BenchProgress>
    {
        public void Report(BenchProgress value) => items.Add(value);
    }
}
