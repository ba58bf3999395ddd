using Slipway.AspNetCore.Hosting;

namespace Slipway.AspNetCore.Models;

/// <summary>Lists models: <c>GET /models</c> and <c>GET /models/{name}</c>.</summary>
/// <remarks>An adapter is listed after its model as <c>model:adapter</c>.</remarks>
internal static class ModelsEndpoint
{
    public static Task ListAsync(RequestContext request)
        => request.WriteAsync(new ModelList([.. All(request.Catalog)]), OpenAIJson.Default.ModelList);

    public static Task GetAsync(RequestContext request)
    {
        var name = (string)request.Http.Request.RouteValues["model"]!;
        return All(request.Catalog).FirstOrDefault(model => model.Id == name) is { } found
            ? request.WriteAsync(found, OpenAIJson.Default.ModelInfo)
            : throw request.Catalog.NotFound(name);
    }

    private static IEnumerable<ModelInfo> All(ModelCatalog catalog)
    {
        var created = catalog.Created.ToUnixTimeSeconds();
        foreach (var name in catalog.Names)
        {
            var model = catalog.Resolve(name)!;
            yield return new ModelInfo(name, created, model.Capabilities);
            foreach (var adapter in model.Adapters.Names)
            {
                yield return new ModelInfo($"{name}:{adapter}", created, model.Capabilities, Parent: name);
            }
        }
    }
}

/// <summary>Describes a model.</summary>
/// <param name="Id">The name that requests use.</param>
/// <param name="Created">The time when the server began, in seconds since 1970.</param>
/// <param name="Capabilities">The last parts of the paths that serve it; no member of OpenAI's own.</param>
/// <param name="Parent">The model of an adapter; null for a model.</param>
internal sealed record ModelInfo(string Id, long Created, IReadOnlyList<string> Capabilities, string? Parent = null)
{
    public string Object { get; } = "model";

    public string OwnedBy { get; } = "slipway";
}

/// <summary>Describes all models.</summary>
internal sealed record ModelList(IReadOnlyList<ModelInfo> Data)
{
    public string Object { get; } = "list";
}
