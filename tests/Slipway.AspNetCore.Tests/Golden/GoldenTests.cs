using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Runs the exchanges of the files beside this one; each response must be as it stands there.</summary>
public sealed class GoldenTests(GoldenServer fixture) : IClassFixture<GoldenServer>
{
    private const string Reranker = "rerank.http";

    public static TheoryData<string> Files => [.. GoldenRunner.Files.Where(file => file != Reranker)];

    [Theory]
    [MemberData(nameof(Files))]
    public Task Exchange_OfAFile_IsAsItStandsThere(string file) => GoldenRunner.RunAsync(fixture.Server, file);

    [Fact]
    public async Task Exchange_WithAReranker_IsAsItStandsThere()
    {
        using var folder = new TemporaryFolder();
        SpelledCheckpoint.Write("xlm-roberta-reranker", folder["source"]);
        using (var checkpoint = Checkpoint.Open(folder["source"]))
        {
            Exporter.Export(checkpoint, folder["package"], new ExportOptions());
        }

        await using var server = await TestServer.StartAsync(models => models.AddModel(folder["package"], "reranker"));
        await GoldenRunner.RunAsync(server, Reranker);
    }

    // An endpoint without an exchange that succeeds is not tested.
    [Fact]
    public void Exchanges_OfAllFiles_CoverEveryEndpoint()
    {
        var sent = GoldenRunner.Files.SelectMany(GoldenRunner.Read).Where(exchange => exchange.Status == 200)
            .Select(exchange => $"{exchange.Method} {exchange.Path}").ToHashSet();
        Assert.All(fixture.Endpoints, endpoint => Assert.Contains(sent, endpoint.IsMatch));
    }
}
