using Microsoft.AspNetCore.Routing;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Ollama;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Maps endpoints of Ollama's API.</summary>
public static class OllamaEndpointRouteBuilderExtensions
{
    // One row an endpoint.
    private static readonly (string Method, string Path, Func<RequestContext, Task> Handler)[] Endpoints =
    [
        ("POST", "/chat", OllamaEndpoints.ChatAsync),
        ("POST", "/generate", OllamaEndpoints.GenerateAsync),
        ("POST", "/embed", OllamaEmbeddings.EmbedAsync),
        ("POST", "/embeddings", OllamaEmbeddings.EmbedOneAsync),
        ("POST", "/show", OllamaModelEndpoints.ShowAsync),
        ("GET", "/tags", OllamaModelEndpoints.TagsAsync),
        ("GET", "/ps", OllamaModelEndpoints.LoadedAsync),
        ("GET", "/version", OllamaModelEndpoints.VersionAsync),
    ];

    /// <summary>Maps the endpoints of Ollama's API over the models that <c>AddOpenAIServer</c> names.</summary>
    /// <remarks>
    /// Chat and generate (streamed line by line unless told, with tools, schemas, thinking, log-probabilities), embed,
    /// tags, show, ps, version. Keys and limits are those of the other endpoints; unknown members and options are
    /// ignored, as Ollama does. <c>keep_alive</c> and options that say how a model is run, such as <c>num_ctx</c>, have
    /// no effect: the server was told at its start. Models have the tag <c>latest</c>, or one of their adapters' names.
    /// Models are neither pulled, made, copied nor deleted. After
    /// https://github.com/ollama/ollama/blob/main/docs/api.md.
    /// </remarks>
    /// <param name="endpoints">The application's endpoints.</param>
    /// <param name="prefix">What all paths begin with; clients expect the one given.</param>
    /// <exception cref="InvalidOperationException">The services lack <c>AddOpenAIServer</c>.</exception>
    public static IEndpointConventionBuilder MapOllama(this IEndpointRouteBuilder endpoints, string prefix = "/api")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        ModelCatalog.RequireRegistered(endpoints.ServiceProvider);
        var group = endpoints.MapGroup(prefix);
        foreach (var (method, path, handler) in Endpoints)
        {
            group.MapMethods(path, [method], OpenAIHandler.For(handler, OllamaError.WriteAsync));
        }

        group.MapFallback("{**path}", OpenAIHandler.For(NotFoundAsync, OllamaError.WriteAsync));
        return group;
    }

    private static Task NotFoundAsync(RequestContext context)
    {
        PathMatch.RequireNone(context.Http, Endpoints.Select(row => (row.Method, row.Path)));
        return OllamaEndpoints.NotFoundAsync(context);
    }
}
