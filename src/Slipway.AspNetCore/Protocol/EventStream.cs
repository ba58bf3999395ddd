using System.Text;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Writes server-sent events, each flushed when it is written.</summary>
internal sealed class EventStream
{
    private readonly JsonStream _stream;

    private EventStream(JsonStream stream) => _stream = stream;

    /// <summary>Begins the response; from here on errors can only be events.</summary>
    public static async Task<EventStream> StartAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-cache";
        return new(await JsonStream.StartAsync(context, "text/event-stream; charset=utf-8").ConfigureAwait(false));
    }

    /// <summary>Writes an event of JSON, with a name where the API has names.</summary>
    public Task WriteAsync<T>(T value, JsonTypeInfo<T> type, string? name = null)
        => _stream.WriteAsync(
            name is null ? "data: "u8 : Encoding.UTF8.GetBytes($"event: {name}\ndata: "), value, type, "\n\n"u8);

    /// <summary>Writes the event that ends a stream of chat completions.</summary>
    public Task WriteDoneAsync() => _stream.WriteAsync("data: [DONE]\n\n"u8);
}
