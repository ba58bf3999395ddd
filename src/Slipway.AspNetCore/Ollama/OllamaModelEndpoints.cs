using System.Text.Json;
using System.Text.Json.Nodes;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.Packaging;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Tells of models: <c>/api/tags</c>, <c>/api/ps</c>, <c>/api/show</c>, <c>/api/version</c>.</summary>
internal static class OllamaModelEndpoints
{
    // The version of Ollama whose API these endpoints follow; callers ask for it to know what they may send.
    private const string Version = "0.13.0";

    public static Task VersionAsync(RequestContext context)
        => context.WriteAsync(new OllamaVersion(Version), OllamaJson.Default.OllamaVersion);

    public static Task TagsAsync(RequestContext context) => context.WriteAsync(
        new OllamaModelList(
            [
                .. Models(context).Select(
                    item => OllamaModels.Describe(item.Name, item.Model, context.Catalog.Created)),
            ]),
        OllamaJson.Default.OllamaModelList);

    public static Task LoadedAsync(RequestContext context) => context.WriteAsync(
        new OllamaRunningList(
            [.. Models(context).SelectMany(item => Running(item.Name, item.Model, context.Catalog.Created))]),
        OllamaJson.Default.OllamaRunningList);

    public static async Task ShowAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OllamaJson.Default.OllamaShowRequest, takesAnyType: true)
            .ConfigureAwait(false);
        var (model, _) = OllamaModels.Find(context.Catalog, request.Model ?? request.Name ?? "");
        var about = OllamaModels.Describe(model.Name, model, context.Catalog.Created);
        var package = model is { Folder: { } folder, Chat: not null }
            ? ModelPackage.Open(folder, PackageVerification.Sizes) : null;
        var template = package?.ReadFile("chat_template.jinja") is { } bytes
            ? System.Text.Encoding.UTF8.GetString(bytes) : "";
        await context.WriteAsync(
            new OllamaShowResponse(
                $"FROM {about.Name}\n", Parameters(package), template, about.Details, Info(about, package),
                Capabilities(model, package), about.ModifiedAt),
            OllamaJson.Default.OllamaShowResponse).ConfigureAwait(false);
    }

    // At most one: none where the model is not loaded.
    private static IEnumerable<OllamaRunningModel> Running(string name, ServedModel model, DateTimeOffset created)
    {
        if (model.Loaded is { ContextLength: var length })
        {
            var about = OllamaModels.Describe(name, model, created);
            yield return new OllamaRunningModel(about.Name, about.Size, about.Digest, about.Details, length);
        }
    }

    private static IEnumerable<(string Name, ServedModel Model)> Models(RequestContext context)
        => context.Catalog.Names.Select(name => (name, context.Catalog.Resolve(name)!));

    // The lines of a Modelfile; greedy search is a temperature of zero.
    private static string Parameters(ModelPackage? package) => package?.Config.Search is not { } search ? ""
        : search.DoSample
            ? FormattableString.Invariant(
                $"temperature {search.Temperature}\ntop_k {search.TopK}\ntop_p {search.TopP}")
            : "temperature 0";

    private static Dictionary<string, JsonElement> Info(OllamaModel about, ModelPackage? package)
    {
        var family = about.Details.Family;
        var info = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        Add("general.architecture", family);
        if (package is not null)
        {
            Add($"{family}.context_length", package.Config.Model.ContextLength);
            Add($"{family}.vocab_size", package.Config.Model.VocabSize);
        }

        return info;

        void Add(string name, JsonNode value) => info[name] = JsonDocument.Parse(value.ToJsonString()).RootElement;
    }

    private static IReadOnlyList<string> Capabilities(ServedModel model, ModelPackage? package)
        => model.Embeddings is not null ? ["embedding"]
            : model.Chat is null ? []
            : package?.Manifest?.ReasoningFormat is not null ? ["completion", "tools", "thinking"]
            : ["completion", "tools"];
}
