using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Completions;
using Slipway.AspNetCore.Embeddings;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;
using Slipway.AspNetCore.Rerank;
using Slipway.AspNetCore.Responses;
using Slipway.AspNetCore.Tokens;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps endpoints of OpenAI's API.</summary>
public static class OpenAIEndpointRouteBuilderExtensions
{
    // One row an endpoint.
    private static readonly (string Method, string Path, Func<RequestContext, Task> Handler)[] Endpoints =
    [
        ("POST", "/chat/completions", ChatCompletionEndpoint.HandleAsync),
        ("POST", "/completions", CompletionEndpoint.HandleAsync),
        ("POST", "/embeddings", EmbeddingEndpoint.HandleAsync),
        ("GET", "/models", ModelsEndpoint.ListAsync),
        ("GET", "/models/{**model}", ModelsEndpoint.GetAsync),
        ("POST", "/responses", ResponsesEndpoint.CreateAsync),
        ("GET", "/responses/{id}", ResponsesEndpoint.GetAsync),
        ("DELETE", "/responses/{id}", ResponsesEndpoint.DeleteAsync),
        ("GET", "/responses/{id}/input_items", ResponsesEndpoint.InputItemsAsync),
        ("POST", "/rerank", RerankEndpoint.HandleAsync),
        ("POST", "/tokenize", TokensEndpoint.TokenizeAsync),
        ("POST", "/detokenize", TokensEndpoint.DetokenizeAsync),
    ];

    /// <summary>Maps the endpoints of OpenAI's API over the models that <c>AddOpenAIServer</c> names.</summary>
    /// <remarks>
    /// Chat completions, completions, responses, embeddings, models; beside them <c>rerank</c>, <c>tokenize</c> and
    /// <c>detokenize</c>. Paths that are not served answer with an error of the API's form.
    /// </remarks>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <param name="prefix">What all paths begin with.</param>
    /// <exception cref="InvalidOperationException">The services lack <c>AddOpenAIServer</c>.</exception>
    public static IEndpointConventionBuilder MapOpenAI(this IEndpointRouteBuilder endpoints, string prefix = "/v1")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        if (endpoints.ServiceProvider.GetService<ModelCatalog>() is null)
        {
            throw new InvalidOperationException(
                "The services lack those of the endpoints. Call services.AddOpenAIServer() before the application is "
                + "built.");
        }

        var group = endpoints.MapGroup(prefix);
        foreach (var (method, path, handler) in Endpoints)
        {
            group.MapMethods(path, [method], OpenAIHandler.For(handler));
        }

        group.MapFallback("{**path}", OpenAIHandler.For(NotFoundAsync));
        return group;
    }

    /// <summary>Maps what tells whether the server runs and takes requests: <c>/live</c> and <c>/ready</c>.</summary>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <param name="prefix">What both paths begin with; it answers alone too, as <c>/ready</c> does.</param>
    public static IEndpointConventionBuilder MapServerHealth(
        this IEndpointRouteBuilder endpoints, string prefix = "/health")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        var group = endpoints.MapGroup(prefix);
        group.MapGet("/live", (RequestDelegate)(http => http.Response.WriteAsync("live")));
        group.MapGet("/ready", (RequestDelegate)ReadyAsync);
        group.MapGet("", (RequestDelegate)ReadyAsync);
        return group;
    }

    private static Task ReadyAsync(HttpContext http)
    {
        var isOpen = http.RequestServices.GetRequiredService<ServerGate>().IsOpen;
        http.Response.StatusCode = isOpen ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return http.Response.WriteAsync(isOpen ? "ready" : "stopping");
    }

    private static Task NotFoundAsync(RequestContext context)
    {
        var request = context.Http.Request;
        var known = Endpoints.Any(row => Matches(row.Path, request.Path.Value!));
        throw known
            ? new OpenAIException(
                405, $"'{request.Method}' is not a method of '{OpenAIException.Excerpt(request.Path)}'.",
                code: "method_not_allowed")
            : new OpenAIException(
                404, $"There is nothing at '{OpenAIException.Excerpt(request.Path)}'.", code: "unknown_url");

        static bool Matches(string row, string path)
            => path.EndsWith(row.Replace("/{**model}", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }
}
