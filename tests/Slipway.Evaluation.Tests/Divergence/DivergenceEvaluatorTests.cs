using Slipway.Evaluation.Divergence;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests.Divergence;

public sealed class DivergenceEvaluatorTests(ITestOutputHelper output)
{
    private static LanguageModel Load(string name)
        => LanguageModel.Load(
            SharedAssets.Path("genai-packages", name), new LanguageModelOptions { ContextLength = 64 });

    [Fact]
    public async Task Evaluate_SameModel_DivergesByNothing()
    {
        using var model = Load("qwen3-fp32");
        var report = await new DivergenceEvaluator(model, model, new() { Window = 20 })
            .EvaluateAsync([.. Enumerable.Range(1, 45)], [], null, TestContext.Current.CancellationToken);
        Assert.Equal((2, 38), (report.Windows, report.ScoredTokens));
        Assert.Equal(0, report.MaxDivergence, 1e-9);
        Assert.Equal(1, report.TopAgreement.Value);
        Assert.Equal(report.ReferencePerplexity, report.CandidatePerplexity);
    }

    [Fact]
    public async Task Evaluate_OtherWeights_EqualsTheSumOverDistributions()
    {
        using LanguageModel reference = Load("qwen3-fp32"), candidate = Load("llama-int4");
        int[] ids = [.. Enumerable.Range(0, 30).Select(i => (i * 37 + 11) % candidate.VocabularySize)];
        var report = await new DivergenceEvaluator(reference, candidate, new() { Window = 30 })
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        double[][] expected = await Distributions(reference, ids), actual = await Distributions(candidate, ids);
        double[] divergences =
            [.. expected.Zip(actual, (p, q) => p.Zip(q, (x, y) => x * Math.Log(x / y)).Sum()).Take(29)];
        output.WriteLine($"divergence {report.MeanDivergence.Value:0.000}");
        Assert.Equal(divergences.Average(), report.MeanDivergence.Value, 1e-6);
        Assert.Equal(divergences.Max(), report.MaxDivergence, 1e-6);
        Assert.Equal(divergences.Order().ElementAt(14), report.MedianDivergence, 1e-6);
        var agreeing = expected.Zip(actual).Take(29)
            .Count(pair => pair.First.IndexOf(pair.First.Max()) == pair.Second.IndexOf(pair.Second.Max()));
        Assert.Equal(agreeing / 29.0, report.TopAgreement.Value, 1e-9);
        var perplexity = await new PerplexityEvaluator(candidate, new() { Window = 30 })
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        Assert.Equal(perplexity.Perplexity, report.CandidatePerplexity, perplexity.Perplexity * 1e-5);
    }

    [Fact]
    public async Task Evaluate_FromResultsOfAnEarlierRun_GivesTheSame()
    {
        using var folder = new TemporaryFolder();
        using LanguageModel reference = Load("qwen3-fp32"), candidate = Load("llama-int4");
        var options = new PerplexityOptions { Window = 20, ResultsPath = folder["results.jsonl"] };
        int[] ids = [.. Enumerable.Range(0, 45).Select(i => (i * 37 + 11) % candidate.VocabularySize)];
        var first = await new DivergenceEvaluator(reference, candidate, options)
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        var written = await File.ReadAllTextAsync(options.ResultsPath, TestContext.Current.CancellationToken);
        var second = await new DivergenceEvaluator(reference, candidate, options)
            .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken);
        Assert.Equal(
            first with { Elapsed = default, PerWindow = [] }, second with { Elapsed = default, PerWindow = [] });
        Assert.Equal(
            written, await File.ReadAllTextAsync(options.ResultsPath, TestContext.Current.CancellationToken));

        // The model and its reference are part of what the file is of.
        var error = await Assert.ThrowsAsync<InvalidDataException>(
            () => new DivergenceEvaluator(candidate, candidate, options)
                .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken));
        Assert.Contains("what differs is 'reference_sha256'.", error.Message, StringComparison.Ordinal);
        await File.WriteAllTextAsync(
            options.ResultsPath, written.Replace("\"agrees\":[", "\"agrees\":[1,", StringComparison.Ordinal),
            TestContext.Current.CancellationToken);
        var broken = await Assert.ThrowsAsync<TaskFileException>(
            () => new DivergenceEvaluator(reference, candidate, options)
                .EvaluateAsync(ids, [], null, TestContext.Current.CancellationToken));
        Assert.Contains("empty or differ in length.", broken.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TokenDivergence_TokensThatAreRuledOut_AddNothingOrEverything()
    {
        float[] without = [0, 0, float.NegativeInfinity], with = [0, 0, 0];
        Assert.Equal(Math.Log(1.5), TokenDivergence.Of(without, with, 0).Divergence, 1e-6);
        Assert.Equal(double.PositiveInfinity, TokenDivergence.Of(with, without, 0).Divergence);
    }

    private static async Task<double[][]> Distributions(LanguageModel model, int[] ids)
    {
        var logits = await model.ForwardAsync(ids, TestContext.Current.CancellationToken);
        return
        [
            .. Enumerable.Range(0, ids.Length).Select(position =>
            {
                double[] weights = [.. logits[position].ToArray().Select(logit => Math.Exp(logit))];
                return weights.Select(weight => weight / weights.Sum()).ToArray();
            }),
        ];
    }
}
