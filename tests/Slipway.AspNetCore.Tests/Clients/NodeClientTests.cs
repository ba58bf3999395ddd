using System.Diagnostics;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests.Clients;

/// <summary>Runs OpenAI's and Ollama's own clients for Node, by the tests of <c>tests/clients/node</c>.</summary>
public sealed class NodeClientTests
{
    private const string Key = "secret";
    private static readonly string Folder = Path.Combine(SharedAssets.Repository, "tests", "clients", "node");

    [Fact]
    public async Task Tests_OfNodesClients_Pass()
    {
        RequireClient();
        var held = new HeldClients();
        await using var server = await StartAsync(held, concurrent: null);
        await using var limited = await StartAsync(held, concurrent: 1);
        var start = new ProcessStartInfo("node", ["--test", "--test-concurrency=1", "--test-reporter=spec"])
        {
            WorkingDirectory = Folder, RedirectStandardOutput = true, RedirectStandardError = true,
            Environment =
            {
                ["SLIPWAY_URL"] = server.Address.ToString().TrimEnd('/'),
                ["SLIPWAY_LIMITED_URL"] = limited.Address.ToString().TrimEnd('/'),
                ["SLIPWAY_KEY"] = Key,
            },
        };
        using var process = Process.Start(start)!;
        var errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        TestContext.Current.TestOutputHelper!.WriteLine(output);
        Assert.True(process.ExitCode == 0, output + await errors);

        // Where no test was found, node ends well too.
        Assert.Matches("pass [1-9]", output);
    }

    // '.ci/run' installs both.
    private static void RequireClient()
    {
        var isThere = Directory.Exists(Path.Combine(Folder, "node_modules", "openai")) && HasNode();
        const string Remedy = "Install Node 20 or later, and run 'npm ci --prefix tests/clients/node'.";
        Assert.False(
            !isThere && Environment.GetEnvironmentVariable("SLIPWAY_REQUIRE_ASSETS") is { Length: > 0 },
            $"OpenAI's client for Node is missing, and 'SLIPWAY_REQUIRE_ASSETS' asks for it. {Remedy}");
        Assert.SkipUnless(isThere, $"OpenAI's client for Node is missing. {Remedy}");
    }

    private static bool HasNode() => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(
        folder => File.Exists(Path.Combine(folder, OperatingSystem.IsWindows() ? "node.exe" : "node")));

    private static Task<TestServer> StartAsync(HeldClients held, int? concurrent) => TestServer.StartAsync(
        models => models.AddModel(TestServer.Assistant, "assistant")
            .AddEmbeddingGenerator("numbers", _ => new FakeEmbeddings())
            .AddChatClient("held", _ => held.Held).AddChatClient("cancelled", _ => held.Counting),
        options => (options.ApiKeys, options.ConcurrentRequests) = ([Key], concurrent));
}
