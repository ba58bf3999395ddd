using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Writes JSON documents, each a line of its own that is flushed when it is written.</summary>
internal sealed class LineStream
{
    private readonly JsonStream _stream;

    private LineStream(JsonStream stream) => _stream = stream;

    /// <summary>Begins the response; from here on errors can only be lines.</summary>
    public static async Task<LineStream> StartAsync(HttpContext context)
        => new(await JsonStream.StartAsync(context, "application/x-ndjson").ConfigureAwait(false));

    /// <summary>Writes a line.</summary>
    public Task WriteAsync<T>(T value, JsonTypeInfo<T> type) => _stream.WriteAsync([], value, type, "\n"u8);
}
