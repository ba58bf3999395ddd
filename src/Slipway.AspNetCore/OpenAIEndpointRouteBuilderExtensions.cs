using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.Adapters;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Classify;
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
    // One row an endpoint; the last column is the parameter that holds a prompt.
    private static readonly (
        string Method, string Path, Func<RequestContext, Task> Handler, string? Prompt)[] Endpoints =
    [
        ("POST", "/chat/completions", ChatCompletionEndpoint.HandleAsync, "messages"),
        ("POST", "/completions", CompletionEndpoint.HandleAsync, "prompt"),
        ("POST", "/embeddings", EmbeddingEndpoint.HandleAsync, "input"),
        ("GET", "/models", ModelsEndpoint.ListAsync, null),
        ("GET", "/models/{**model}", ModelsEndpoint.GetAsync, null),
        ("POST", "/responses", ResponsesEndpoint.CreateAsync, "input"),
        ("POST", "/responses/input_tokens", ResponsesEndpoint.CountAsync, "input"),
        ("GET", "/responses/{id}", ResponsesEndpoint.GetAsync, null),
        ("DELETE", "/responses/{id}", ResponsesEndpoint.DeleteAsync, null),
        ("POST", "/responses/{id}/cancel", ResponsesEndpoint.CancelAsync, null),
        ("GET", "/responses/{id}/input_items", ResponsesEndpoint.InputItemsAsync, null),
        ("POST", "/rerank", RerankEndpoint.HandleAsync, "documents"),
        ("POST", "/classify", ClassifyEndpoint.HandleAsync, "input"),
        ("POST", "/tokenize", TokensEndpoint.TokenizeAsync, null),
        ("POST", "/detokenize", TokensEndpoint.DetokenizeAsync, null),
        ("POST", "/load_lora_adapter", AdapterEndpoint.LoadAsync, null),
        ("POST", "/unload_lora_adapter", AdapterEndpoint.UnloadAsync, null),
    ];

    /// <summary>Maps the endpoints of OpenAI's API over the models that <c>AddOpenAIServer</c> names.</summary>
    /// <remarks>
    /// Chat completions, completions, responses, embeddings, models; beside them <c>rerank</c>, <c>classify</c>,
    /// <c>tokenize</c>, <c>detokenize</c>, and where the options name a folder of adapters <c>load_lora_adapter</c> and
    /// <c>unload_lora_adapter</c>. Paths that are not served answer with an error of the API's form.
    /// </remarks>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <param name="prefix">What all paths begin with.</param>
    /// <exception cref="InvalidOperationException">The services lack <c>AddOpenAIServer</c>.</exception>
    public static IEndpointConventionBuilder MapOpenAI(this IEndpointRouteBuilder endpoints, string prefix = "/v1")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ModelCatalog.RequireRegistered(endpoints.ServiceProvider);
        var group = endpoints.MapGroup(prefix);
        foreach (var (method, path, handler, prompt) in Endpoints)
        {
            group.MapMethods(path, [method], OpenAIHandler.For(handler, prompt: prompt));
        }

        group.MapFallback("{**path}", OpenAIHandler.For(NotFoundAsync));
        return group;
    }

    /// <summary>Maps what tells whether the server runs and takes requests: <c>/live</c> and <c>/ready</c>.</summary>
    /// <remarks>
    /// Ready is a server that does not stop and whose models are loaded, where the options say so; otherwise the status
    /// is 503.
    /// </remarks>
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
        var state = http.RequestServices.GetRequiredService<ServerGate>().State;
        http.Response.StatusCode = state == ServerGate.Ready
            ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable;
        return http.Response.WriteAsync(state);
    }

    private static Task NotFoundAsync(RequestContext context)
    {
        PathMatch.RequireNone(context.Http, Endpoints.Select(row => (row.Method, row.Path)));
        throw new OpenAIException(
            404, $"There is nothing at '{OpenAIException.Excerpt(context.Http.Request.Path)}'.", code: "unknown_url");
    }
}
