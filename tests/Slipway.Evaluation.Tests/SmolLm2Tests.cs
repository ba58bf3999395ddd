using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Evaluation.Perplexity;
using Slipway.Evaluation.Tasks;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.Evaluation.Tests;

/// <summary>A real model against its reference: minutes of work, so run by name only.</summary>
/// <remarks>
/// <c>dotnet run -c Release --project tests/Slipway.Evaluation.Tests -- -explicit only -class "*SmolLm2Tests"
/// -showLiveOutput</c>
/// </remarks>
public sealed class SmolLm2Tests(ITestOutputHelper output)
{
    private const double Tolerance = 1e-3;

    [Theory(Explicit = true)]
    [InlineData("perplexity-test.json")]
    [InlineData("perplexity-valid.json")]
    public async Task Perplexity_OfFloat32_EqualsTheReferenceWindowByWindow(string name)
    {
        var reference = Read(name);
        using TemporaryFolder folder = new();
        using var model = Load(folder);
        double[] expected = [.. reference["nll_per_window"]!.AsArray().Select(nll => (double)nll!)];
        var evaluator = new PerplexityEvaluator(
            model, new() { Window = (int)reference["context"]!, Windows = expected.Length });
        var report = await evaluator.EvaluateFileAsync(
            SharedAssets.Path(((string)reference["file"]!).Split('/')), null, TestContext.Current.CancellationToken);
        var largest = expected.Zip(report.NllPerWindow, (right, nll) => Math.Abs(right - nll)).Max();
        output.WriteLine($"{expected.Length} windows, largest difference {largest:0.0e+0}");
        Assert.Equal((int)reference["tokens_in_file"]!, report.TextTokens);
        Assert.Equal(expected.Length, report.NllPerWindow.Count);
        Assert.InRange(largest, 0, Tolerance);
        Assert.InRange(report.Perplexity / (double)reference["perplexity"]!, 1 - Tolerance, 1 + Tolerance);
    }

    [Fact(Explicit = true)]
    public async Task MultipleChoice_OfFloat32_EqualsTheReferenceOptionByOption()
    {
        var reference = Read("multiple-choice.json");
        using TemporaryFolder folder = new();
        using var model = Load(folder);
        var task = TaskKinds.Open(
            "multiple-choice", SharedAssets.Path("smollm2-135m-instruct", "multiple-choice.json"));
        var report = await TaskRunner.RunAsync(
            task, new TaskSubject(model), cancellationToken: TestContext.Current.CancellationToken);
        var largest = 0.0;
        foreach (var (item, answer) in reference["items"]!.AsArray().Zip(report.Answers))
        {
            var expected = item!["log_likelihoods"]!.AsArray().Select(value => (double)value!).ToArray();
            largest = Math.Max(largest, expected.Index().Max(
                pair => Math.Abs(pair.Item - answer.Values[$"log_likelihood_{pair.Index}"])));
            Assert.Equal((double)item["predicted"]!, answer.Values["predicted"]);
            Assert.Equal((double)item["predicted_normalized"]!, answer.Values["predicted_normalized"]);
        }

        output.WriteLine($"{report.Items} items, largest difference {largest:0.0e+0}");
        Assert.InRange(largest, 0, Tolerance);
        Assert.Equal((double)reference["accuracy"]!, report.Scores[0].Estimate.Value, 1e-9);
        Assert.Equal((double)reference["accuracy_normalized"]!, report.Scores[1].Estimate.Value, 1e-9);
    }

    private static LanguageModel Load(TemporaryFolder folder)
    {
        using var checkpoint = Checkpoint.Open(
            Path.Combine(SharedAssets.Path("smollm2-135m-instruct"), "SmolLM2-135M-Instruct.Q4_1.gguf"));
        Exporter.Export(checkpoint, folder["fp32"], new ExportOptions { Precision = Precision.Float32 });
        return LanguageModel.Load(folder["fp32"]);
    }

    private static JsonNode Read(string name)
        => JsonNode.Parse(File.ReadAllText(SharedAssets.Path("smollm2-135m-instruct", name)))!;
}
