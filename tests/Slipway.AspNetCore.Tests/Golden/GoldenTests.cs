using Slipway.AspNetCore.Tests.Models;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Golden;

/// <summary>Runs the exchanges of the files beside this one; each response must be as it stands there.</summary>
public sealed class GoldenTests(GoldenServer fixture) : IClassFixture<GoldenServer>
{
    private const string Reranker = "rerank.http", Classifier = "classify.http", Adapters = "adapters.http";

    public static TheoryData<string> Files
        => [.. GoldenRunner.Files.Where(file => file is not (Reranker or Classifier or Adapters))];

    [Theory]
    [MemberData(nameof(Files))]
    public Task Exchange_OfAFile_IsAsItStandsThere(string file) => GoldenRunner.RunAsync(fixture.Server, file);

    [Theory]
    [InlineData(Reranker, "xlm-roberta-reranker", "reranker")]
    [InlineData(Classifier, "bert-classifier", "labels")]
    public async Task Exchange_WithAnEncoder_IsAsItStandsThere(string file, string checkpoint, string name)
    {
        using var folder = new TemporaryFolder();
        var package = TinyPackage.Spelled(folder, checkpoint);
        await using var server = await TestServer.StartAsync(models => models.AddModel(package, name));
        await GoldenRunner.RunAsync(server, file);
    }

    [Fact]
    public async Task Exchange_WithAdapters_IsAsItStandsThere()
    {
        using var folder = new TemporaryFolder();
        TinyPackage.WriteAdapter(folder["adapters/poems"], seed: 1);
        var package = TinyPackage.Adaptable(folder["package"]);
        await using var server = await TestServer.StartAsync(
            models => models.AddModel(package, "home"), options => options.AdaptersPath = folder["adapters"]);
        await GoldenRunner.RunAsync(server, Adapters);
    }

    // An endpoint without an exchange that succeeds is not tested; nothing runs in the background to be cancelled.
    [Fact]
    public void Exchanges_OfAllFiles_CoverEveryEndpoint()
    {
        var sent = GoldenRunner.Files.SelectMany(GoldenRunner.Read).Where(exchange => exchange.Status == 200)
            .Select(exchange => $"{exchange.Method} {exchange.Path}").ToHashSet();
        Assert.All(
            fixture.Endpoints.Where(endpoint => !endpoint.IsMatch("POST /v1/responses/x/cancel")),
            endpoint => Assert.Contains(sent, endpoint.IsMatch));
    }
}
