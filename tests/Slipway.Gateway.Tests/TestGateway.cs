using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Slipway.Gateway.Tests;

/// <summary>Runs a gateway before stubs, all on the loopback address.</summary>
internal sealed class TestGateway : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestGateway(WebApplication app, IReadOnlyList<StubReplica> replicas)
    {
        _app = app;
        Replicas = replicas;
        Http = new HttpClient { BaseAddress = new Uri(app.Urls.First()) };
    }

    public IReadOnlyList<StubReplica> Replicas { get; }

    public HttpClient Http { get; }

    public static async Task<TestGateway> StartAsync(
        int count, Func<int, Func<HttpContext, string, Task>>? answer = null,
        Action<ModelGatewayOptions>? configure = null)
    {
        var replicas = new List<StubReplica>();
        for (var i = 0; i < count; i++)
        {
            replicas.Add(await StubReplica.StartAsync(answer?.Invoke(i) ?? StubReplica.Says($"{i}")));
        }

        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        Configure(builder.Configuration, [.. replicas.Select(replica => replica.Address)]);
        builder.Services.AddModelGateway(builder.Configuration.GetSection("Gateway"));
        builder.Services.Configure<ModelGatewayOptions>(options =>
        {
            options.HealthInterval = TimeSpan.FromHours(1);
            configure?.Invoke(options);
        });
        var app = builder.Build();
        app.MapModelGateway();
        await app.StartAsync();
        return new TestGateway(app, replicas);
    }

    /// <summary>Changes the configuration while the gateway runs.</summary>
    public void Configure(params string[] addresses)
    {
        var configuration = (ConfigurationManager)_app.Configuration;
        configuration.Sources.RemoveAt(configuration.Sources.Count - 1);
        Configure(configuration, addresses);
    }

    public static string Chat(string first, params string[] more) => $$"""
        {"model": "m", "messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "{{first}}"}
        {{string.Concat(more.Select(text => $", {{\"role\": \"assistant\", \"content\": \"{text}\"}}"))}}]}
        """;

    public async Task<(HttpStatusCode Status, string Text)> PostAsync(
        string body, string path = "/v1/chat/completions")
    {
        using var content = new StringContent(body, Encoding.UTF8, "application/json");
        using var response = await Http.PostAsync(
            new Uri(path, UriKind.Relative), content, TestContext.Current.CancellationToken);
        return (response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken));
    }

    private static void Configure(ConfigurationManager configuration, string[] addresses)
        => configuration.AddInMemoryCollection(addresses.Select((address, index)
            => KeyValuePair.Create($"Gateway:Replicas:{index}", (string?)address)));

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
        foreach (var replica in Replicas)
        {
            await replica.DisposeAsync();
        }
    }
}
