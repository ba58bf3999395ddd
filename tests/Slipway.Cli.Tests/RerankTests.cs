using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Cli.Tests;

public sealed class RerankTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Fact]
    public async Task Rerank_ACrossEncoder_WritesTheReferenceScores()
    {
        var source = SharedAssets.Path("sentence-transformers", "cross-encoder");
        Assert.Equal(0, (await Tool.RunAsync("export", source, "-o", _folder["package"])).Code);

        var run = await Tool.RunAsync(
            "rerank", _folder["package"], "--input", Path.Combine(source, "texts.json"), "--output",
            _folder["scores.safetensors"], "--json");

        Assert.Equal(0, run.Code);
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var written = Checkpoint.Open(_folder["scores.safetensors"]);
        foreach (var name in (string[])["scores", "logits"])
        {
            var (reference, actual) = (new float[6], new float[6]);
            expected.ReadFloats(name, 0, reference);
            written.ReadFloats(name, 0, actual);
            Assert.All(reference.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, 1e-4f));
            Assert.Equal(actual, JsonNode.Parse(run.Output)![name]!.AsArray().Select(value => (float)value!));
        }
    }

    [Fact]
    public async Task Rerank_TextsThatAreNoPairs_IsRefused()
    {
        File.WriteAllText(_folder["texts.json"], "[\"a\"]");

        var run = await Tool.RunAsync(
            "rerank", _folder["package"], "-i", _folder["texts.json"], "-o", _folder["scores.safetensors"]);

        Assert.Equal(1, run.Code);
        Assert.Contains("is not a JSON list of pairs of strings", run.Error, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();
}
