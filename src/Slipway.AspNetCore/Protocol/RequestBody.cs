using System.Buffers;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Primitives;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Reads the JSON of a request.</summary>
internal static class RequestBody
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Reads a body into a type; the document lives as long as the request.</summary>
    /// <exception cref="OpenAIException">The body is too large, no JSON, or not what the type says.</exception>
    public static async Task<T> ReadAsync<T>(
        HttpContext context, JsonTypeInfo<T> type, long maxBytes, bool takesAnyType = false)
    {
        // A page of another site may send what says to be text without asking; that names where it comes from.
        if (!context.Request.HasJsonContentType()
            && !(takesAnyType && StringValues.IsNullOrEmpty(context.Request.Headers.Origin)))
        {
            throw new OpenAIException(
                415, $"The content type is '{OpenAIException.Excerpt(context.Request.ContentType)}'; expected "
                + "'application/json'.");
        }

        var bytes = await ReadBytesAsync(context, maxBytes).ConfigureAwait(false);
        var document = Parse(bytes);
        context.Response.RegisterForDispose(document);
        JsonShape.Check(document.RootElement, type);
        return document.RootElement.Deserialize(type)!;
    }

    private static async Task<ReadOnlyMemory<byte>> ReadBytesAsync(HttpContext context, long maxBytes)
    {
        if (context.Request.ContentLength > maxBytes)
        {
            throw TooLarge(maxBytes);
        }

        var body = new ArrayBufferWriter<byte>();
        while (true)
        {
            var read = await context.Request.Body.ReadAsync(body.GetMemory(4096), context.RequestAborted)
                .ConfigureAwait(false);
            if (read == 0)
            {
                return body.WrittenMemory;
            }

            body.Advance(read);
            if (body.WrittenCount > maxBytes)
            {
                throw TooLarge(maxBytes);
            }
        }
    }

    private static JsonDocument Parse(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return JsonDocument.Parse(bytes, Strict);
        }
        catch (JsonException exception)
        {
            throw new OpenAIException(
                400, bytes.IsEmpty
                    ? "The body is empty; expected a JSON object."
                    : $"The body is no JSON: {exception.Message.ReplaceLineEndings(" ")}");
        }
        catch (InvalidOperationException)
        {
            // Names are compared while reading, and half a character cannot be.
            throw JsonShape.NotText("body");
        }
    }

    private static OpenAIException TooLarge(long maxBytes)
        => new(413, $"The body is larger than '{maxBytes}' bytes, the most that this server takes.");
}
