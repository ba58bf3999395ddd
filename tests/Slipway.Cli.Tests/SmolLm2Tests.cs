using System.Text.Json.Nodes;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

/// <summary>A real model through the tool: minutes of work, so run by name only.</summary>
/// <remarks><c>dotnet test --project tests/Slipway.Cli.Tests -c Release -- --explicit only</c></remarks>
public sealed class SmolLm2Tests(ITestOutputHelper output)
{
    private const double SmallMargin = 0.01;

    private static string Source
        => Path.Combine(SharedAssets.Path("smollm2-135m-instruct"), "SmolLM2-135M-Instruct.Q4_1.gguf");

    [Fact(Explicit = true)]
    public async Task Float32_OfTheGguf_GivesTheReferenceTextsAndPerplexity()
    {
        using TemporaryFolder folder = new();
        Assert.Equal(0, (await Tool.RunAsync("export", Source, "-o", folder["fp32"], "--precision", "fp32")).Code);
        var cases = Read("greedy.json")["cases"]!.AsArray();
        foreach (var item in cases)
        {
            var expected = Ids(item!["output_ids"]);
            double[] margins = [.. item["margins"]!.AsArray().Select(margin => (double)margin!)];
            var answer = (await Tool.RunAsync(
                "generate", folder["fp32"], "--input-ids", string.Join(',', Ids(item["prompt_ids"])), "--max-tokens",
                $"{expected.Length}", "--json")).Json;
            var certain = margins.TakeWhile(margin => margin > SmallMargin).Count();
            output.WriteLine($"{(string?)item["kind"]}: {certain} of {expected.Length} tokens are certain");
            Assert.Equal(expected.Take(certain), Ids(answer["ids"]).Take(certain));
        }

        var perplexity = await PerplexityAsync(folder["fp32"]);
        var reference = Math.Exp(
            Read("perplexity-test.json")["nll_per_window"]!.AsArray().Take(16).Average(nll => (double)nll!));
        output.WriteLine($"perplexity {perplexity:0.00000}, reference {reference:0.00000}");
        Assert.InRange(perplexity / reference, 0.999, 1.001);
    }

    [Theory(Explicit = true)]
    [InlineData(new string[0], 100_000_000, 19.95)]
    [InlineData(new[] { "--method", "search" }, 80_000_000, 24.3)]
    public async Task Int4_OfTheGguf_IsSmallAndKeepsThePerplexity(string[] method, long bytes, double bound)
    {
        using TemporaryFolder folder = new();
        var report = (await Tool.RunAsync([
            "export", Source, "-o", folder["int4"], "--precision", "int4", "--json", .. method])).Json;
        var perplexity = await PerplexityAsync(folder["int4"]);
        output.WriteLine($"{(long)report["bytes"]!} bytes, perplexity {perplexity:0.000}");
        Assert.InRange((long)report["bytes"]!, 0, bytes);
        Assert.InRange(perplexity, 0, bound);
    }

    private static async Task<double> PerplexityAsync(string package) => (double)(await Tool.RunAsync(
        "eval", "perplexity", package, "--text", SharedAssets.Path("wikitext-2", "test.txt"), "--windows", "16",
        "--json")).Json["perplexity"]!;

    private static JsonNode Read(string file) =>
        JsonNode.Parse(File.ReadAllText(Path.Combine(SharedAssets.Path("smollm2-135m-instruct"), file)))!;

    private static int[] Ids(JsonNode? list) => [.. list!.AsArray().Select(id => (int)id!)];
}
