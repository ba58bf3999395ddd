using Slipway.AspNetCore.Hosting;

namespace Slipway.AspNetCore.Models;

/// <summary>Lists models: <c>GET /models</c> and <c>GET /models/{name}</c>.</summary>
internal static class ModelsEndpoint
{
    public static Task ListAsync(RequestContext request)
        => request.WriteAsync(
            new ModelList([.. request.Catalog.Names.Select(name => Of(request.Catalog, name))]),
            OpenAIJson.Default.ModelList);

    public static Task GetAsync(RequestContext request)
    {
        var name = (string)request.Http.Request.RouteValues["model"]!;
        return request.Catalog.Names.Contains(name)
            ? request.WriteAsync(Of(request.Catalog, name), OpenAIJson.Default.ModelInfo)
            : throw request.Catalog.NotFound(name);
    }

    private static ModelInfo Of(ModelCatalog catalog, string name) => new(name, catalog.Created.ToUnixTimeSeconds());
}

/// <summary>Describes a model.</summary>
internal sealed record ModelInfo(string Id, long Created)
{
    public string Object { get; } = "model";

    public string OwnedBy { get; } = "slipway";
}

/// <summary>Describes all models.</summary>
internal sealed record ModelList(IReadOnlyList<ModelInfo> Data)
{
    public string Object { get; } = "list";
}
