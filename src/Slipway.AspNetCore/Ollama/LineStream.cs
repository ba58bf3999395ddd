using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Writes JSON documents, each a line of its own that is flushed when it is written.</summary>
internal sealed class LineStream
{
    private readonly HttpContext _context;

    private LineStream(HttpContext context) => _context = context;

    /// <summary>Begins the response; from here on errors can only be lines.</summary>
    public static async Task<LineStream> StartAsync(HttpContext context)
    {
        context.Response.ContentType = "application/x-ndjson";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        return new LineStream(context);
    }

    /// <summary>Writes a line.</summary>
    public async Task WriteAsync<T>(T value, JsonTypeInfo<T> type)
    {
        var writer = _context.Response.BodyWriter;
        using (var json = new Utf8JsonWriter(writer, new JsonWriterOptions { Encoder = type.Options.Encoder }))
        {
            JsonSerializer.Serialize(json, value, type);
        }

        writer.Write("\n"u8);
        var result = await writer.FlushAsync(_context.RequestAborted).ConfigureAwait(false);
        if (result.IsCompleted)
        {
            throw new OperationCanceledException("The client has closed the connection.");
        }
    }
}
