using Slipway.Evaluation.Perplexity;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Perplexity;

public sealed class PerplexityEvaluatorTests(ITestOutputHelper output)
{
    private static LanguageModel Load(string name)
        => LanguageModel.Load(
            SharedAssets.Path("genai-packages", name), new LanguageModelOptions { ContextLength = 64 });

    [Theory]
    [InlineData("llama-int4", null)]
    [InlineData("qwen3-fp32", null)]
    [InlineData("qwen3-fp32", 5)]
    public async Task Evaluate_Windows_EqualsTheSumOverLogits(string name, int? stride)
    {
        using var model = Load(name);
        int[] ids = [.. Enumerable.Range(0, 45).Select(i => (i * 37 + 11) % model.VocabularySize)];
        var evaluator = new PerplexityEvaluator(model, new PerplexityOptions { Window = 20, Stride = stride });
        var progress = new List<PerplexityProgress>();
        var report = await evaluator.EvaluateAsync(
            ids, [], new Collector(progress), TestContext.Current.CancellationToken);

        var step = stride ?? 20;
        var (sum, count) = (0.0, 0);
        for (var start = 0; start + 20 <= ids.Length; start += step)
        {
            var logits = await model.ForwardAsync(ids[start..(start + 20)], TestContext.Current.CancellationToken);
            for (var i = start == 0 || step == 20 ? 1 : 20 - step; i < 20; i++)
            {
                var before = logits[i - 1].ToArray().Select(x => (double)x).ToArray();
                var max = before.Max();
                sum += max + Math.Log(before.Sum(x => Math.Exp(x - max))) - before[ids[start + i]];
                count++;
            }
        }

        var expected = Math.Exp(sum / count);
        output.WriteLine(
            $"{name}: largest difference {Math.Abs(report.Perplexity - expected) / expected:0.0e+0} (relative)");
        Assert.Equal(count, report.ScoredTokens);
        Assert.Equal(expected, report.Perplexity, expected * 1e-5);
        Assert.Equal(stride is null ? 2 : 6, report.NllPerWindow.Count);
        Assert.Equal(report.NllPerWindow.Count, progress.Count);
        Assert.Equal(report.Perplexity, progress[^1].Perplexity);
    }

    [Fact]
    public async Task Evaluate_LimitOfWindows_ScoresTheFirstOnes()
    {
        using var model = Load("qwen3-fp32");
        int[] ids = [.. Enumerable.Range(1, 60)];
        var all = await new PerplexityEvaluator(model, new() { Window = 10 })
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        var first = await new PerplexityEvaluator(model, new() { Window = 10, Windows = 2 })
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        Assert.Equal(all.NllPerWindow.Take(2), first.NllPerWindow);
        Assert.Equal(18, first.ScoredTokens);
        Assert.Equal(60, first.TextTokens);
    }

    [Fact]
    public async Task Evaluate_Prefix_BeginsEachWindowAndPredictsItsFirstToken()
    {
        using var model = Load("qwen3-fp32");
        var report = await new PerplexityEvaluator(model, new() { Window = 5 })
            .EvaluateAsync([.. Enumerable.Range(1, 8)], [3], null, TestContext.Current.CancellationToken);
        var scores = await model.ScoreAsync([3, 5, 6, 7, 8], TestContext.Current.CancellationToken);
        Assert.Equal(8, report.ScoredTokens);
        Assert.Equal(-scores.Average(), report.NllPerWindow[1], 1e-5);
    }

    [Fact]
    public async Task EvaluateFile_ShortText_IsOneWindow()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "text.txt");
        await File.WriteAllTextAsync(path, "the cat sat", TestContext.Current.CancellationToken);
        using var model = Load("llama-int4");
        var report = await new PerplexityEvaluator(model, new() { Window = 60 })
            .EvaluateFileAsync(path, null, TestContext.Current.CancellationToken);
        var ids = model.Tokenizer.Encode("the cat sat", addSpecialTokens: true);
        var scores = await model.ScoreAsync(ids, TestContext.Current.CancellationToken);
        Assert.Equal(-scores.Average(), Assert.Single(report.NllPerWindow), 1e-5);
    }

    [Fact]
    public async Task Evaluate_NothingToPredict_SaysWhatIsMissing()
    {
        using var model = Load("qwen3-fp32");
        var error = await Assert.ThrowsAsync<ArgumentException>(
            () => new PerplexityEvaluator(model, new() { Window = 5 }).EvaluateAsync([1], []));
        Assert.Equal(
            "The text has '1' tokens and each window starts with '0' more, so nothing is left to predict in windows of "
            + "'5'. Give a longer text or a larger Window. (Parameter 'ids')",
            error.Message);
    }

    [Fact]
    public void Constructor_BadOptions_NamesEveryError()
    {
        using var model = Load("qwen3-fp32");
        var options = new PerplexityOptions { Window = 65, Stride = 0, Windows = 0 };
        var error = Assert.Throws<ArgumentException>(() => new PerplexityEvaluator(model, options));
        Assert.Equal(
            "Window is '65'; expected from 2 to '64', the model's context. Stride is '0'; expected from 1 to Window "
            + "'65', or null. Windows is '0'; expected 1 or more, or null for the whole text. (Parameter 'options')",
            error.Message);
    }

    [Fact]
    public async Task Evaluate_Cancelled_Stops()
    {
        using var model = Load("qwen3-fp32");
        using var source = new CancellationTokenSource();
        var progress = new Collector([], source.Cancel);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => new PerplexityEvaluator(model, new() { Window = 10 })
            .EvaluateAsync([.. Enumerable.Range(1, 60)], [], progress, source.Token));
        Assert.Equal(1, progress.Count);
    }

    [Fact]
    public async Task Evaluate_EndedBefore_GoesOnAndGivesTheSame()
    {
        using var folder = new TemporaryFolder();
        using var model = Load("qwen3-fp32");
        int[] ids = [.. Enumerable.Range(1, 60)];
        var options = new PerplexityOptions { Window = 10, Stride = 7, ResultsPath = folder["a/results.jsonl"] };
        var whole = await new PerplexityEvaluator(model, new() { Window = 10, Stride = 7 })
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        using var source = new CancellationTokenSource();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => new PerplexityEvaluator(model, options)
            .EvaluateAsync(ids, [], new Collector([], source.Cancel), source.Token));

        // A line that was cut short is none.
        await File.AppendAllTextAsync(
            options.ResultsPath, "{\"item\": 1, \"tok", TestContext.Current.CancellationToken);
        var lines = await File.ReadAllLinesAsync(options.ResultsPath, TestContext.Current.CancellationToken);
        Assert.Equal(3, lines.Length);
        var resumed = await new PerplexityEvaluator(model, options)
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        Assert.Equal(whole.NllPerWindow, resumed.NllPerWindow);
        Assert.Equal((whole.Perplexity, whole.ScoredTokens), (resumed.Perplexity, resumed.ScoredTokens));
        var after = await File.ReadAllLinesAsync(options.ResultsPath, TestContext.Current.CancellationToken);
        Assert.Equal(lines[..2], after[..2]);

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => new PerplexityEvaluator(model, options)
            .EvaluateAsync([.. ids, 7], [], null, TestContext.Current.CancellationToken));
        Assert.Contains("what differs is 'text_sha256'.", error.Message, StringComparison.Ordinal);
    }

    private sealed class Collector(List<PerplexityProgress> items, Action? then = null) : IProgress<PerplexityProgress>
    {
        public int Count => items.Count;

        public void Report(PerplexityProgress value)
        {
            items.Add(value);
            then?.Invoke();
        }
    }
}
