using Slipway.Evaluation.Bench;
using Slipway.Evaluation.Comparison;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Comparison;

public sealed class PackageComparisonTests : IDisposable
{
    private const int Windows = 3;

    private readonly TemporaryFolder _folder = new();

    private static string First => SharedAssets.Path("genai-packages", "qwen3-fp32");

    private static string Second => SharedAssets.Path("genai-packages", "llama-int4");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Run_TwoPackages_HaveTheSameMeasuresInTheSameOrder()
    {
        var report = await RunAsync(Options(First, rounds: 2));
        Assert.Equal(["qwen3-fp32", "llama-int4"], report.Packages.Select(package => package.Name));
        Assert.Equal(
            [
                "text perplexity", "text kl_divergence", "text top_agreement", "choices accuracy",
                "choices accuracy_normalized", "speed decode_tokens_per_second", "speed prefill_tokens_per_second",
                "speed load_to_first_token_seconds",
            ],
            report.Packages[0].Scores.Select(score => $"{score.Source} {score.Name}"));
        Assert.Equal(
            report.Packages[0].Scores.Select(score => score.Name), report.Packages[1].Scores.Select(
                score => score.Name));
        Assert.All(
            report.Packages.SelectMany(package => package.Scores),
            score => Assert.InRange(score.Estimate.Value, score.Estimate.Low, score.Estimate.High));
        Assert.Equal(0, report.Packages[0].Scores[1].Estimate.Value, 1e-9);
        Assert.True(report.Packages[1].Scores[1].Estimate.Value > 0);
        Assert.All(report.Packages, package => Assert.Equal(
            new DirectoryInfo(package.Path).EnumerateFiles().Sum(file => file.Length), package.Bytes));
    }

    [Fact]
    public async Task Run_Perplexity_IsThatOfTheEvaluator()
    {
        var report = await RunAsync(Options(null, rounds: 0));
        using var model = LanguageModel.Load(First);
        var expected = await new PerplexityEvaluator(model, Text).EvaluateFileAsync(
            WriteText(), null, TestContext.Current.CancellationToken);
        Assert.Equal(expected.Perplexity, report.Packages[0].Scores[0].Estimate.Value, expected.Perplexity * 1e-5);
    }

    [Fact]
    public async Task Run_EndedBefore_GoesOnWithWhatIsThere()
    {
        var whole = await RunAsync(Options(First, rounds: 0));
        using var source = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var options = Options(First, rounds: 2);
        options.ResultsFolder = _folder["results"];
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => PackageComparison.RunAsync(
            [First, Second], options, new Ending(Windows + 2, source), source.Token));
        var path = Path.Combine(_folder["results"], "qwen3-fp32.text.results.jsonl");
        Assert.Equal(Windows + 1, File.ReadAllLines(path).Length);

        var written = await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken);
        var resumed = await RunAsync(options);
        Assert.Equal(written, await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        foreach (var (before, after) in whole.Packages.Zip(resumed.Packages))
        {
            Assert.All(before.Scores.Zip(after.Scores), pair => Assert.Equal(
                pair.First.Estimate.Value, pair.Second.Estimate.Value, 1e-9));
        }

        // Speeds of a whole run are measured anew in the next.
        Assert.DoesNotContain(
            Directory.EnumerateFiles(_folder["results"]), file => file.Contains(".speed.", StringComparison.Ordinal));

        options.Text = new PerplexityOptions { Window = 31, Windows = Windows };
        var error = await Assert.ThrowsAsync<InvalidDataException>(() => RunAsync(options));
        Assert.Contains("what differs is 'window'.", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Run_SamePackageTwice_HasNamesOfItsOwn()
    {
        var options = Options(null, rounds: 0);
        options.Tasks = [];
        var report = await PackageComparison.RunAsync(
            [First, First], options, null, TestContext.Current.CancellationToken);
        Assert.Equal(
            ["genai-packages-qwen3-fp32", "genai-packages-qwen3-fp32-2"],
            report.Packages.Select(package => package.Name));
    }

    [Fact]
    public async Task Run_ReferenceWithoutText_IsRefused()
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => PackageComparison.RunAsync(
            [First], new ComparisonOptions { ReferencePackage = First }, null,
            TestContext.Current.CancellationToken));
        Assert.StartsWith("A reference is given and no text", error.Message, StringComparison.Ordinal);
    }

    private static PerplexityOptions Text => new() { Window = 32, Windows = Windows };

    private ComparisonOptions Options(string? reference, int rounds)
    {
        File.WriteAllText(
            _folder["choices.jsonl"],
            "{\"context\": \"a fox\", \"options\": [\" runs\", \" is\"], \"answer\": 0}\n"
            + "{\"context\": \"a dog\", \"options\": [\" barks\", \" sings\"], \"answer\": 1}\n");
        return new ComparisonOptions
        {
            TextPath = WriteText(),
            Text = Text,
            ReferencePackage = reference,
            Tasks = [TaskKinds.Open("multiple-choice", _folder["choices.jsonl"])],
            Speed = rounds == 0 ? null : new BenchOptions { Rounds = rounds, PromptTokens = 16, NewTokens = 8 },
        };
    }

    private string WriteText()
    {
        File.WriteAllText(_folder["text.txt"], string.Concat(
            Enumerable.Range(0, 60).Select(i => $"{i * 7919} foxes. ")));
        return _folder["text.txt"];
    }

    private static Task<ComparisonReport> RunAsync(ComparisonOptions options)
        => PackageComparison.RunAsync([First, Second], options, null, TestContext.Current.CancellationToken);

    private sealed class Ending(int after, CancellationTokenSource source) : IProgress<ComparisonProgress>
    {
        public void Report(ComparisonProgress value)
        {
            if (value.Done >= after)
            {
                source.Cancel();
            }
        }
    }
}
