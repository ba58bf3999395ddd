using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Slipway.Testing;

namespace Slipway.AspNetCore.Tests;

/// <summary>Runs the endpoints in a server of the test's own, on a free port of the loopback address.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication _app;

    private TestServer(WebApplication app)
    {
        _app = app;
        Address = new Uri(app.Urls.First());
        Http = new HttpClient { BaseAddress = Address };
    }

    public static string Assistant => Path.Combine(
        SharedAssets.Repository, "models", "device-assistant", "int4");

    public Uri Address { get; }

    public HttpClient Http { get; }

    public IServiceProvider Services => _app.Services;

    public LogRecorder Log => Services.GetRequiredService<LogRecorder>();

    public static async Task<TestServer> StartAsync(
        Action<OpenAIServerBuilder> models, Action<OpenAIServerOptions>? configure = null,
        Action<IServiceCollection>? services = null)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        var recorder = new LogRecorder();
        builder.Services.AddSingleton(recorder);
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Trace).AddProvider(recorder);
        services?.Invoke(builder.Services);
        models(builder.Services.AddOpenAIServer(configure));
        var app = builder.Build();
        app.MapOpenAI();
        app.MapOllama();
        app.MapServerHealth();
        app.MapServerPage();
        await app.StartAsync();
        return new TestServer(app);
    }

    public Task StopAsync() => _app.StopAsync();

    public async Task<ServerAnswer> PostAsync(string path, string body, string? key = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path)
        {
            Content = new ByteArrayContent(Encoding.UTF8.GetBytes(body))
            {
                Headers = { ContentType = new MediaTypeHeaderValue("application/json") },
            },
        };
        if (key is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }

        using var response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return await ServerAnswer.ReadAsync(response);
    }

    public async Task<ServerAnswer> GetAsync(string path)
    {
        using var response = await Http.GetAsync(
            new Uri(path, UriKind.Relative), TestContext.Current.CancellationToken);
        return await ServerAnswer.ReadAsync(response);
    }

    public async ValueTask DisposeAsync()
    {
        Http.Dispose();
        await _app.DisposeAsync();
    }
}

/// <summary>Holds what a server answered.</summary>
internal sealed record ServerAnswer(HttpStatusCode Status, string Text, HttpResponseHeaders Headers)
{
    public static async Task<ServerAnswer> ReadAsync(HttpResponseMessage response) => new(
        response.StatusCode, await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
        response.Headers);

    public JsonNode Json => JsonNode.Parse(Text)!;

    /// <summary>The JSON of a stream's events; the last line must be the one that ends a stream.</summary>
    public IReadOnlyList<JsonNode> Events
    {
        get
        {
            var events = Text.Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
            Assert.All(events, line => Assert.StartsWith("data: ", line, StringComparison.Ordinal));
            Assert.Equal("data: [DONE]", events[^1]);
            return [.. events[..^1].Select(line => JsonNode.Parse(line["data: ".Length..])!)];
        }
    }

    /// <summary>The error's parameter and code.</summary>
    public (int Status, string? Param, string? Code) Error
        => ((int)Status, (string?)Json["error"]!["param"], (string?)Json["error"]!["code"]);
}

/// <summary>Keeps what is logged.</summary>
internal sealed class LogRecorder : ILoggerProvider, ILogger
{
    private readonly List<string> _lines = [];

    public IReadOnlyList<string> Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public ILogger CreateLogger(string categoryName) => this;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception,
        Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add($"{logLevel}: {formatter(state, exception)} {exception}");
        }
    }

    public void Dispose()
    {
    }
}
