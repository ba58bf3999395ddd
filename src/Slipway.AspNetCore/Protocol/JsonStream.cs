using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Slipway.AspNetCore.Hosting;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Writes JSON documents into a response, each flushed when it is written.</summary>
internal sealed class JsonStream
{
    private readonly HttpContext _context;

    private JsonStream(HttpContext context) => _context = context;

    /// <summary>Begins the response; from here on errors can only be parts of it.</summary>
    public static async Task<JsonStream> StartAsync(HttpContext context, string contentType)
    {
        context.Response.ContentType = contentType;
        context.Response.Headers["X-Accel-Buffering"] = "no";
        context.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await context.Response.StartAsync(context.RequestAborted).ConfigureAwait(false);
        return new JsonStream(context);
    }

    /// <summary>Writes a document between what frames it.</summary>
    public Task WriteAsync<T>(ReadOnlySpan<byte> before, T value, JsonTypeInfo<T> type, ReadOnlySpan<byte> after)
    {
        var writer = _context.Response.BodyWriter;
        writer.Write(before);
        using (var json = new Utf8JsonWriter(writer, new JsonWriterOptions { Encoder = type.Options.Encoder }))
        {
            JsonSerializer.Serialize(json, value, type);
        }

        return WriteAsync(after);
    }

    /// <summary>Writes bytes.</summary>
    public Task WriteAsync(ReadOnlySpan<byte> bytes)
    {
        _context.Response.BodyWriter.Write(bytes);
        return FlushAsync();
    }

    private async Task FlushAsync()
    {
        var result = await _context.Response.BodyWriter.FlushAsync(_context.RequestAborted).ConfigureAwait(false);
        if (result.IsCompleted)
        {
            throw new ClientGoneException("The client has closed the connection.");
        }
    }
}
