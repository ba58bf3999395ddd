using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Slipway.Cli.Tests.Hub;

/// <summary>A hub on the loopback address, which a test may make lie, break off or refuse.</summary>
internal sealed class TestHub : IAsyncDisposable
{
    public const string Commit = "0123456789abcdef0123456789abcdef01234567";
    public const string Repository = "owner/model";

    private readonly WebApplication _app;

    private TestHub(WebApplication app) => _app = app;

    public Uri Address => new(_app.Urls.Single());

    /// <summary>The files; those that end in <c>.json</c> are Git's own, others large ones.</summary>
    public Dictionary<string, byte[]> Files { get; } = new(StringComparer.Ordinal);

    /// <summary>Handles a request in place of the hub and returns true, or leaves it to the hub.</summary>
    public Func<HttpContext, Task<bool>> Interrupts { get; set; } = _ => Task.FromResult(false);

    /// <summary>Changes what describes a file.</summary>
    public Action<HttpResponse> Describes { get; set; } = _ => { };

    public ConcurrentQueue<(string Method, string Path, string Token, string Range)> Requests { get; } = [];

    public IEnumerable<string> Ranges
        => Requests.Where(request => request.Method == "GET" && request.Range.Length > 0)
            .Select(request => request.Range);

    public static async Task<TestHub> StartAsync()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        var app = builder.Build();
        TestHub hub = new(app);
        app.Run(hub.AnswerAsync);
        await app.StartAsync();
        return hub;
    }

#pragma warning disable CA5350 // Git names contents by SHA-1.
    public static string Hash(string path, byte[] content) => Convert.ToHexStringLower(
        path.EndsWith(".json", StringComparison.Ordinal)
            ? SHA1.HashData([.. Encoding.ASCII.GetBytes($"blob {content.Length}\0"), .. content])
            : SHA256.HashData(content));
#pragma warning restore CA5350

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        var (request, response) = (context.Request, context.Response);
        Requests.Enqueue((
            request.Method, request.Path, request.Headers.Authorization.ToString(), request.Headers.Range.ToString()));
        if (await Interrupts(context))
        {
            return;
        }

        if (request.Path == $"/api/models/{Repository}/revision/main")
        {
            await response.WriteAsJsonAsync(new
            {
                sha = Commit, siblings = Files.Keys.Select(path => new { rfilename = path }),
            });
            return;
        }

        var prefix = $"/{Repository}/resolve/{Commit}/";
        if (!request.Path.Value!.StartsWith(prefix, StringComparison.Ordinal)
            || !Files.TryGetValue(request.Path.Value[prefix.Length..], out var content))
        {
            response.StatusCode = 404;
            return;
        }

        var path = request.Path.Value[prefix.Length..];
        if (request.Method == "HEAD")
        {
            response.Headers.ETag = $"\"{Hash(path, content)}\"";
            response.ContentLength = content.Length;
            Describes(response);
            return;
        }

        await SendAsync(context, content);
    }

    /// <summary>Sends a content, or what is asked of it.</summary>
    public static async Task SendAsync(HttpContext context, byte[] content)
    {
        var start = 0;
        if (context.Request.GetTypedHeaders().Range?.Ranges.Single().From is { } from)
        {
            start = (int)from;
            context.Response.StatusCode = 206;
            context.Response.Headers.ContentRange = $"bytes {start}-{content.Length - 1}/{content.Length}";
        }

        context.Response.ContentLength = content.Length - start;
        await context.Response.Body.WriteAsync(content.AsMemory(start));
    }

    /// <summary>Sends the beginning of a content and breaks the connection.</summary>
    public static async Task BreakOffAsync(HttpContext context, byte[] content, int bytes)
    {
        context.Response.ContentLength = content.Length;
        await context.Response.Body.WriteAsync(content.AsMemory(0, bytes));
        await context.Response.Body.FlushAsync();
        await Task.Delay(50); // The bytes leave before the connection is reset.
        context.Abort();
    }
}
