using System.Text.Json;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;
using Slipway.Tests.Encoders;

namespace Slipway.Tests.Embeddings;

public sealed class OnnxRerankerTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Scores_OfACrossEncoder_EqualTheReference()
    {
        var source = SharedAssets.Path("sentence-transformers", "cross-encoder");
        using var folder = new TemporaryFolder();
        var package = Export(folder);
        var pairs = JsonSerializer.Deserialize<string[][]>(File.ReadAllBytes(Path.Combine(source, "texts.json")))!
            .Select(pair => (pair[0], pair[1])).ToArray();
        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var reranker = new OnnxReranker(package);

        var scores = await reranker.ScoreAsync(pairs, TestContext.Current.CancellationToken);

        var reference = Read("scores");
        var logits = Read("logits");
        var largest = scores.Select((score, i) => Math.Max(
            Math.Abs(score.Score - reference[i]), Math.Abs(score.Logit - logits[i]))).Max();
        output.WriteLine($"largest difference {largest:0.0e+0}");
        Assert.InRange(largest, 0, 1e-5);

        var ranked = await reranker.RankAsync(
            pairs[0].Item1, [pairs[0].Item2, pairs[1].Item2], count: 1, TestContext.Current.CancellationToken);
        Assert.Equal(scores[0].Logit > scores[1].Logit ? 0 : 1, Assert.Single(ranked).Index);

        float[] Read(string name)
        {
            var values = new float[pairs.Length];
            expected.ReadFloats(name, 0, values);
            return values;
        }
    }

    [Fact]
    public async Task SpecialTokens_ThatAPairSpells_AreReadAsTheReferenceReadsThem()
    {
        using var folder = new TemporaryFolder();
        var package = Export(folder);
        var expected = TinyEncoders.Run(
            package, [101, 2833, 102, 103, 102, 2833, 102], [0, 0, 0, 1, 1, 1, 1]); // food / [MASK] [SEP] food
        using var reranker = new OnnxReranker(package);

        var scores = await reranker.ScoreAsync([("food", "[MASK][SEP] food")], TestContext.Current.CancellationToken);

        Assert.Equal(expected[0], Assert.Single(scores).Logit, 1e-5);
    }

    private static string Export(TemporaryFolder folder)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("sentence-transformers", "cross-encoder"));
        Exporter.Export(checkpoint, folder["package"], new ExportOptions { Precision = Precision.Float32 });
        return folder["package"];
    }
}
