using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Slipway.Testing;

namespace Slipway.Tests.DependencyInjection;

/// <summary>Starts hosts with chat clients and asks how these are.</summary>
public sealed class OnnxChatClientHealthCheckTests
{
    private static string Package => SharedAssets.Path("genai-packages", "llama-int4");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Client_BeforeAndAfterItsFirstRequest_IsHealthy()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddOnnxChatClient(Package).UseLogging();
        services.AddHealthChecks().AddOnnxChatClient(tags: ["ready"]);
        await using var provider = services.BuildServiceProvider();
        var checks = provider.GetRequiredService<HealthCheckService>();

        var before = Assert.Single((await checks.CheckHealthAsync(Token)).Entries);
        await provider.GetRequiredService<IChatClient>().GetResponseAsync("Hi", new() { MaxOutputTokens = 9 }, Token);
        var after = Assert.Single((await checks.CheckHealthAsync(Token)).Entries);

        Assert.Equal(("onnx-chat", HealthStatus.Healthy), (before.Key, before.Value.Status));
        Assert.Equal(["ready"], before.Value.Tags);
        Assert.Equal("model=llama-int4 loaded=False", Show(before.Value));
        Assert.Equal(HealthStatus.Healthy, after.Value.Status);
        Assert.Matches("^model=llama-int4 loaded=True queued=0 kv_bytes=[1-9][0-9]*$", Show(after.Value));
    }

    [Fact]
    public async Task Client_WhoseModelCannotBeLoaded_IsUnhealthyUnderItsKey()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddKeyedOnnxChatClient("small", "no-such-folder");
        services.AddHealthChecks().AddOnnxChatClient("small", failureStatus: HealthStatus.Degraded)
            .AddOnnxChatClient("small", name: "strict");
        await using var provider = services.BuildServiceProvider();
        var client = provider.GetRequiredKeyedService<IChatClient>("small");
        await Assert.ThrowsAnyAsync<Exception>(() => client.GetResponseAsync("Hi", cancellationToken: Token));

        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);

        Assert.Equal(HealthStatus.Degraded, report.Entries["onnx-chat-small"].Status);
        Assert.Equal(HealthStatus.Unhealthy, report.Entries["strict"].Status);
        Assert.Equal("The model 'no-such-folder' could not be loaded.", report.Entries["strict"].Description);
        Assert.Contains("does not exist", report.Entries["strict"].Exception!.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Client_ThatIsDisposed_IsUnhealthy()
    {
        var services = new ServiceCollection().AddLogging();
        services.AddOnnxChatClient(Package);
        services.AddHealthChecks().AddOnnxChatClient();
        await using var provider = services.BuildServiceProvider();
        provider.GetRequiredService<IChatClient>().Dispose();

        var report = await provider.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);

        Assert.Equal("The client of 'llama-int4' is disposed.", report.Entries["onnx-chat"].Description);
        Assert.Equal(HealthStatus.Unhealthy, report.Status);
    }

    [Fact]
    public async Task LoadAtStart_OfAKeyedClient_LoadsBeforeTheFirstRequest()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddKeyedOnnxChatClient("small", options =>
        {
            (options.PackagePath, options.LoadAtStart) = (Package, true);
        });
        builder.Services.AddHealthChecks().AddOnnxChatClient("small");
        using var host = builder.Build();

        await host.StartAsync(Token);

        var report = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync(Token);
        Assert.Equal(true, report.Entries["onnx-chat-small"].Data["loaded"]);
        await host.StopAsync(Token);
    }

    [Theory]
    [InlineData(
        "no-such-folder",
        "^PackagePath is 'no-such-folder'\\. The package folder '.*no-such-folder' does not exist\\. Give the folder "
        + "that 'slipway export' wrote\\.$")]
    [InlineData(
        "genai_config.json",
        "^PackagePath is '.*genai_config\\.json'\\. '.*genai_config\\.json' is a file; a package is a folder\\. Give "
        + "the folder that it lies in\\.$")]
    public async Task PackagePath_ThatIsNoPackage_StopsTheHostAtStart(string path, string message)
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(
            path.EndsWith(".json", StringComparison.Ordinal) ? Path.Combine(Package, path) : path);
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Matches(message, e.Message);
    }

    [Fact]
    public async Task IdleTimeout_ThatCannotBe_StopsTheHostAtStart()
    {
        var builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddOnnxChatClient(options =>
        {
            (options.PackagePath, options.IdleTimeout) = (Package, TimeSpan.FromSeconds(-1));
        });
        using var host = builder.Build();

        var e = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync(Token));
        Assert.Equal(
            "IdleTimeout is '-00:00:01'; expected more than zero and at most '30.00:00:00'.", e.Message);
    }

    private static string Show(HealthReportEntry entry)
        => string.Join(' ', entry.Data.Select(pair => $"{pair.Key}={pair.Value}"));
}
