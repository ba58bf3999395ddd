using Slipway.Checkpoints;
using Slipway.Evaluation.Bench;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Bench;

public sealed class ModelBenchTests(ITestOutputHelper output)
{
    private static string Package => SharedAssets.Path("genai-packages", "qwen3-fp32");

    [Fact]
    public async Task Measure_SeveralStreams_TellsEachBesideThePlainLoop()
    {
        var options = new BenchOptions
        {
            PromptTokens = 12, NewTokens = 6, Streams = [1, 3], Rounds = 2, Threads = 1, Model = new()
            {
                MaxMixedPrefillTokens = 4,
            },
        };
        var progress = new Collector();
        var report = await ModelBench.MeasureAsync(Package, options, progress, TestContext.Current.CancellationToken);

        Assert.Equal([1, 3], report.Runs.Select(run => run.Streams));
        Assert.All([.. report.Runs, report.PlainLoop!], run =>
        {
            output.WriteLine(run.ToString());
            Assert.True(run.PrefillTokensPerSecond > 0);
            Assert.True(run.DecodeTokensPerSecond > 0);
            Assert.InRange(run.LongestTimeToFirstToken, run.TimeToFirstToken, TimeSpan.FromMinutes(1));
            Assert.InRange(run.LongestPause, TimeSpan.FromTicks(1), TimeSpan.FromMinutes(1));
        });
        Assert.All(report.Runs, run => Assert.True(run.DecodeRatio > 0 && run.PrefillRatio > 0));
        Assert.Null(report.PlainLoop!.DecodeRatio);
        Assert.InRange(report.LoadToFirstToken, report.LoadTime, TimeSpan.FromMinutes(1));
        Assert.Equal(Directory.GetFiles(Package).Sum(path => new FileInfo(path).Length), report.PackageBytes);
        Assert.InRange(report.PeakMemoryBytes, 1 << 20, long.MaxValue);
        Assert.Equal(Enumerable.Range(0, 9), progress.Items.Select(item => item.Done));
        Assert.All(progress.Items, item => Assert.Equal(9, item.Runs));
    }

    [Fact]
    public Task PlainLoop_SamePrompt_GivesTheEnginesTokens() => CompareAsync(Package, [5, 9, 2, 7, 30, 11], 8);

    [Theory]
    [InlineData(3, 4)] // Shorter than the window of 8.
    [InlineData(40, 60)]
    public async Task PlainLoop_LayersWithAWindow_GivesTheEnginesTokens(int promptTokens, int newTokens)
    {
        using var folder = new TemporaryFolder();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "mistral-window")))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        await CompareAsync(folder["package"], [.. Enumerable.Range(3, promptTokens)], newTokens);
    }

    private static async Task CompareAsync(string package, int[] prompt, int newTokens)
    {
        using var model = LanguageModel.Load(package, new() { Threads = 1 });
        using var plain = BaselineLoop.Open(model, null, new());
        var generated = new List<int>();
        var sample = plain.Run(prompt, newTokens, generated, TestContext.Current.CancellationToken);
        var expected = new List<int>();
        var request = new GenerationRequest
        {
            PromptIds = prompt, MaxOutputTokens = newTokens, IgnoreEndOfSequence = true,
        };
        await foreach (var token in model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            expected.Add(token.Id);
        }

        Assert.Equal(expected, generated);
        Assert.Equal(newTokens, Assert.Single(sample.Tokens).Count);
    }

    [Fact]
    public void Sample_UnequalStreams_CountsOnlyWhileAllDecode()
    {
        var second = System.Diagnostics.Stopwatch.Frequency;
        long[] first = [second, 2 * second, 3 * second, 4 * second, 5 * second];
        long[] last = [3 * second, 4 * second, 6 * second];
        var sample = new BenchSample(10, 0, [first, last]);

        // Both decode from 3 s to 5 s: two tokens of the one, one of the other.
        Assert.Equal(1.5, sample.DecodeRate, 1e-9);
        Assert.Equal(20 / 3.0, sample.PrefillRate, 1e-9);
        Assert.Equal(2, sample.FirstToken, 1e-9);
        Assert.Equal(3, sample.LongestFirstToken, 1e-9);
        Assert.Equal(2, sample.LongestPause, 1e-9);
    }

    [Fact]
    public async Task Measure_BadOptions_NamesEveryError()
    {
        var options = new BenchOptions { PromptTokens = 0, NewTokens = 1, Rounds = 0, Streams = [2, 2] };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => ModelBench.MeasureAsync(Package, options));
        Assert.Equal(
            "PromptTokens is '0'; expected from 1 to 1048576. NewTokens is '1'; expected from 2 to 1048576. Rounds is "
            + "'0'; expected from 1 to 1000. Streams names a number twice; expected different ones. (Parameter "
            + "'options')",
            error.Message);
    }

    [Fact]
    public async Task Measure_ContextTooShort_SaysWhatIsNeeded()
    {
        var options = new BenchOptions { Model = new() { ContextLength = 100 }, Baseline = false };
        var error = await Assert.ThrowsAsync<ArgumentException>(() => ModelBench.MeasureAsync(Package, options));
        Assert.Equal(
            "A prompt of '512' tokens and '128' new ones need a context of '641'; the model has '100'. Ask for fewer. "
            + "(Parameter 'options')",
            error.Message);
    }

    private sealed class Collector : IProgress<BenchProgress>
    {
        public List<BenchProgress> Items { get; } = [];

        public void Report(BenchProgress value) => Items.Add(value);
    }
}
