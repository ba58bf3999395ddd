using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Evaluation.Perplexity;
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
