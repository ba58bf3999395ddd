using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Slipway.AspNetCore.Page;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps the page that tries models.</summary>
public static class ServerPageEndpointRouteBuilderExtensions
{
    /// <summary>Maps a page that chats with the models of <c>MapOpenAI</c>.</summary>
    /// <remarks>
    /// The page's files are part of this assembly. Their content security policy lets nothing in from elsewhere, and
    /// requests go to this server alone. The page asks for no key; what it requests carries the one that its reader
    /// types in.
    /// </remarks>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <param name="prefix">The folder of the page; it is reached under that path with a slash at its end.</param>
    /// <param name="api">The prefix that <c>MapOpenAI</c> was called with.</param>
    public static IEndpointConventionBuilder MapServerPage(
        this IEndpointRouteBuilder endpoints, string prefix = "/", string api = "/v1")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ArgumentNullException.ThrowIfNull(prefix);
        ArgumentNullException.ThrowIfNull(api);
        var segments = prefix.Split('/', StringSplitOptions.RemoveEmptyEntries);

        // Relative to the page, so that it holds behind a proxy that adds to the path.
        var toApi = string.Concat(Enumerable.Repeat("../", segments.Length)) + api.Trim('/');
        var group = endpoints.MapGroup("/" + string.Join('/', segments));
        foreach (var file in PageFile.All(toApi))
        {
            group.MapMethods(file.Path, [HttpMethods.Get, HttpMethods.Head], (RequestDelegate)file.WriteAsync);
        }

        return group;
    }
}
