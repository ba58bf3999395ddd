using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Slipway.Testing;

namespace Slipway.Aspire.Tests;

/// <summary>Holds clients that are registered by a connection's name to a server of this process.</summary>
public sealed class ClientTests
{
    [Fact]
    public async Task ChatClient_OfAConnection_AnswersAndTellsItsHealth()
    {
        await using var server = await StartAsync("secret");
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration["ConnectionStrings:ai"] = $"Endpoint={server.Urls.First()}/v1;Key=secret;Model=assistant";
        builder.AddSlipwayChatClient("ai");
        builder.AddSlipwayEmbeddingGenerator("ai");
        using var host = builder.Build();

        var client = host.Services.GetRequiredService<IChatClient>();
        var response = await client.GetResponseAsync(
            "Hello!", cancellationToken: TestContext.Current.CancellationToken);
        Assert.Equal("Hello! What can I do for you?", response.Text);
        Assert.NotNull(client.GetService<OpenTelemetryChatClient>());
        Assert.NotNull(host.Services.GetService<IEmbeddingGenerator<string, Embedding<float>>>());
        var health = host.Services.GetRequiredService<HealthCheckService>();
        var report = await health.CheckHealthAsync(TestContext.Current.CancellationToken);
        Assert.Equal("Slipway_ai", Assert.Single(report.Entries).Key);
        Assert.Equal(HealthStatus.Healthy, report.Status);
        await server.StopAsync(TestContext.Current.CancellationToken);
        report = await health.CheckHealthAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
        Assert.EndsWith("/health/ready' cannot be reached.", report.Entries["Slipway_ai"].Description,
            StringComparison.Ordinal);
    }

    [Fact]
    public async Task ChatClients_ByTheirKeys_AreApart()
    {
        await using var server = await StartAsync(null);
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration["ConnectionStrings:one"] = server.Urls.First();
        builder.Configuration["Aspire:Slipway:one:Model"] = "assistant";
        builder.Configuration["Aspire:Slipway:DisableTracing"] = "true";
        builder.Configuration["Aspire:Slipway:DisableHealthChecks"] = "true";
        builder.AddKeyedSlipwayChatClient("one", settings => settings.DisableMetrics = true);
        builder.AddKeyedSlipwayChatClient("two", settings =>
        {
            settings.Endpoint = new Uri("http://127.0.0.1:1");
            settings.Model = "other";
        });
        using var host = builder.Build();

        var one = host.Services.GetRequiredKeyedService<IChatClient>("one");
        Assert.Equal("Hello! What can I do for you?", (await one.GetResponseAsync(
            "Hello!", cancellationToken: TestContext.Current.CancellationToken)).Text);
        Assert.Null(one.GetService<OpenTelemetryChatClient>());
        var two = host.Services.GetRequiredKeyedService<IChatClient>("two").GetService<ChatClientMetadata>()!;
        Assert.Equal(("http://127.0.0.1:1/v1", "other"), (two.ProviderUri!.ToString(), two.DefaultModelId));
        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(
            TestContext.Current.CancellationToken);
        Assert.Empty(report.Entries);
    }

    [Theory]
    [InlineData(null, "There is no address of the server. Add the connection string 'ai'")]
    [InlineData("Endpoint=http://a/v1", "There is no name of a model. Add 'Model=NAME' to the connection string 'ai'")]
    [InlineData("Endpoint=nowhere;Model=m;Key=hidden", "The connection string 'ai' is none of a server of packages")]
    [InlineData("hidden", "The connection string 'ai' is none of a server of packages")]
    public void Connection_ThatIsWrong_IsToldWithoutItsKey(string? connectionString, string words)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration["ConnectionStrings:ai"] = connectionString;
        var error = Assert.Throws<InvalidOperationException>(() => builder.AddSlipwayChatClient("ai"));
        Assert.StartsWith(words, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", error.Message, StringComparison.Ordinal);
    }

    private static async Task<WebApplication> StartAsync(string? key)
    {
        var package = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        Assert.SkipUnless(
            Directory.Exists(package), $"'{package}' is not there; train and export the device assistant.");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddOpenAIServer(options => options.ApiKeys = key is null ? [] : [key])
            .AddModel(package, "assistant");
        var app = builder.Build();
        app.MapOpenAI();
        app.MapServerHealth();
        await app.StartAsync();
        return app;
    }
}
