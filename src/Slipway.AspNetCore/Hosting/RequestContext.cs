using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Microsoft.AspNetCore.Http;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Hosting;

/// <summary>Holds what an endpoint needs of one request.</summary>
/// <param name="Http">The request and its response.</param>
/// <param name="Catalog">The models.</param>
/// <param name="Key">Tells the caller's key apart from others, and not the key.</param>
/// <param name="MaxBytes">The most bytes of a body.</param>
/// <param name="Aborted">Ends the work: the client has gone, or the time is over.</param>
internal sealed record RequestContext(
    HttpContext Http, ModelCatalog Catalog, string Key, long MaxBytes, CancellationToken Aborted)
{
    /// <summary>Reads the body.</summary>
    /// <param name="type">The type of the request.</param>
    /// <param name="takesAnyType">Whether a body that does not say to be JSON is read as such.</param>
    public Task<T> ReadAsync<T>(JsonTypeInfo<T> type, bool takesAnyType = false)
        => RequestBody.ReadAsync(Http, type, MaxBytes, takesAnyType);

    /// <summary>Writes the response.</summary>
    public Task WriteAsync<T>(T value, JsonTypeInfo<T> type)
    {
        Http.Response.ContentType = "application/json";
        return JsonSerializer.SerializeAsync(Http.Response.Body, value, type, Aborted);
    }

    /// <summary>Makes an id that begins as the API's do.</summary>
    public static string NewId(string prefix) => $"{prefix}{Guid.NewGuid():N}";
}
