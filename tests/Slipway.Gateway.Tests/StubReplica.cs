using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slipway.Gateway.Tests;

/// <summary>Answers as a test says, and keeps the bodies that it got.</summary>
internal sealed class StubReplica : IAsyncDisposable
{
    private readonly WebApplication _app;

    private StubReplica(WebApplication app, Func<HttpContext, string, Task> answer)
    {
        _app = app;
        Answer = answer;
        app.Run(async context =>
        {
            if (context.Request.Path.StartsWithSegments("/health", StringComparison.Ordinal))
            {
                context.Response.StatusCode = IsReady ? 200 : 503;
                return;
            }

            using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
            var body = await reader.ReadToEndAsync();
            Bodies.Enqueue(body);
            await Answer(context, body);
        });
    }

    public static Func<HttpContext, string, Task> Says(string text, int status = 200) => (context, _) =>
    {
        context.Response.StatusCode = status;
        return context.Response.WriteAsync(text);
    };

    public static Func<HttpContext, string, Task> Dies { get; } = (context, _) =>
    {
        context.Abort();
        return Task.CompletedTask;
    };

    public Func<HttpContext, string, Task> Answer { get; set; }

    public bool IsReady { get; set; } = true;

    public ConcurrentQueue<string> Bodies { get; } = [];

    public string Address => _app.Urls.First();

    public static async Task<StubReplica> StartAsync(Func<HttpContext, string, Task> answer)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Logging.ClearProviders();
        var replica = new StubReplica(builder.Build(), answer);
        await replica._app.StartAsync();
        return replica;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
