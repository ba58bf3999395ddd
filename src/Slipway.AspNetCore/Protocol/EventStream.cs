using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Writes server-sent events, each flushed when it is written.</summary>
internal sealed class EventStream
{
    private static readonly byte[] Data = Encoding.UTF8.GetBytes("data: ");
    private static readonly byte[] End = Encoding.UTF8.GetBytes("\n\n");
    private readonly HttpContext _context;

    private EventStream(HttpContext context) => _context = context;

    /// <summary>Begins the response; from here on errors can only be events.</summary>
    public static async Task<EventStream> StartAsync(HttpContext context)
    {
        context.Response.ContentType = "text/event-stream; charset=utf-8";
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        return new EventStream(context);
    }

    /// <summary>Writes an event of JSON, with a name where the API has names.</summary>
    public async Task WriteAsync<T>(T value, JsonTypeInfo<T> type, string? name = null)
    {
        var writer = _context.Response.BodyWriter;
        if (name is not null)
        {
            Encoding.UTF8.GetBytes($"event: {name}\n", writer);
        }

        writer.Write(Data);
        using (var json = new Utf8JsonWriter(writer, new JsonWriterOptions { Encoder = type.Options.Encoder }))
        {
            JsonSerializer.Serialize(json, value, type);
        }

        writer.Write(End);
        await FlushAsync().ConfigureAwait(false);
    }

    /// <summary>Writes the event that ends a stream of chat completions.</summary>
    public async Task WriteDoneAsync()
    {
        Encoding.UTF8.GetBytes("data: [DONE]\n\n", _context.Response.BodyWriter);
        await FlushAsync().ConfigureAwait(false);
    }

    private async Task FlushAsync()
    {
        var result = await _context.Response.BodyWriter.FlushAsync(_context.RequestAborted).ConfigureAwait(false);
        if (result.IsCompleted)
        {
            throw new OperationCanceledException("The client has closed the connection.");
        }
    }
}
