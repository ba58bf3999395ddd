using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Slipway.AspNetCore.Completions;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Adapters;

/// <summary>Holds a request of <c>POST /load_lora_adapter</c>, in the form of vLLM's server.</summary>
internal sealed class LoadAdapterRequest
{
    public required string LoraName { get; init; }

    /// <summary>A folder within the one that the server's options name.</summary>
    public required string LoraPath { get; init; }

    /// <summary>The model; may be left out where the server has one that takes adapters.</summary>
    public string? BaseModelName { get; init; }
}

/// <summary>Holds a request of <c>POST /unload_lora_adapter</c>.</summary>
internal sealed class UnloadAdapterRequest
{
    public required string LoraName { get; init; }

    public string? BaseModelName { get; init; }

    // vLLM's number of it, which the name says too.
    public int? LoraIntId { get; init; }
}

/// <summary>Adds adapters to running models and removes them, where the options name a folder for them.</summary>
internal static class AdapterEndpoint
{
    public static async Task LoadAsync(RequestContext context)
    {
        var folder = RequireFolder(context);
        var request = await context.ReadAsync(OpenAIJson.Default.LoadAdapterRequest).ConfigureAwait(false);
        var path = PathIn(folder, request.LoraPath);
        var model = Model(context, request.BaseModelName);
        using var engine = await CompletionEndpoint.RequireEngineAsync(model, context.Aborted).ConfigureAwait(false);
        if (engine.Model.Adapters.Contains(request.LoraName))
        {
            throw new OpenAIException(
                400, $"The model '{OpenAIException.Excerpt(model.Name)}' has an adapter "
                + $"'{OpenAIException.Excerpt(request.LoraName)}' already. Unload it first, or choose another name.",
                "lora_name", "adapter_exists");
        }

        try
        {
            await model.Adapters.AddAsync(engine.Model, request.LoraName, path, context.Aborted).ConfigureAwait(false);
        }
        catch (Packaging.PackageException exception)
        {
            // It names files of the folder, which whoever may add adapters knows.
            throw new OpenAIException(400, exception.Message.ReplaceLineEndings(" "), "lora_path", "invalid_adapter");
        }

        await TellAsync(context, $"Success: LoRA adapter '{request.LoraName}' added successfully.")
            .ConfigureAwait(false);
    }

    public static async Task UnloadAsync(RequestContext context)
    {
        _ = RequireFolder(context);
        var request = await context.ReadAsync(OpenAIJson.Default.UnloadAdapterRequest).ConfigureAwait(false);
        var model = Model(context, request.BaseModelName);
        if (model.Adapters.IsPackaged(request.LoraName))
        {
            throw new OpenAIException(
                400, $"The adapter '{OpenAIException.Excerpt(request.LoraName)}' belongs to the model's package; only "
                + "those that were added can be unloaded.", "lora_name", "invalid_value");
        }

        using var engine = await CompletionEndpoint.RequireEngineAsync(model, context.Aborted).ConfigureAwait(false);
        if (!await model.Adapters.RemoveAsync(engine.Model, request.LoraName, context.Aborted).ConfigureAwait(false))
        {
            throw new OpenAIException(
                404, $"The model '{OpenAIException.Excerpt(model.Name)}' has no adapter "
                + $"'{OpenAIException.Excerpt(request.LoraName)}'.", "lora_name", "adapter_not_found");
        }

        await TellAsync(context, $"Success: LoRA adapter '{request.LoraName}' removed successfully.")
            .ConfigureAwait(false);
    }

    private static Task TellAsync(RequestContext context, string text)
    {
        context.Http.Response.ContentType = "text/plain; charset=utf-8";
        return context.Http.Response.WriteAsync(text, context.Aborted);
    }

    private static string RequireFolder(RequestContext context)
        => context.Http.RequestServices.GetRequiredService<IOptions<OpenAIServerOptions>>().Value.AdaptersPath
            ?? throw new OpenAIException(
                403, "This server takes no adapters while it runs. Start it with a folder of them: AdaptersPath, or "
                + "'slipway serve --adapters-folder DIR'.", code: "adapters_disabled");

    private static string PathIn(string folder, string given)
    {
        // What a request names stays within the folder, whatever the name holds.
        var root = Path.GetFullPath(folder) + Path.DirectorySeparatorChar;
        var path = given.Contains('\0', StringComparison.Ordinal) ? "" : Path.GetFullPath(Path.Combine(root, given));
        return path.StartsWith(root, StringComparison.Ordinal) && Directory.Exists(path)
            ? path
            : throw OpenAIException.InvalidValue("lora_path", given, "a folder within the server's folder of adapters");
    }

    private static ServedModel Model(RequestContext context, string? name)
    {
        const string param = "base_model_name";
        if (name is not null)
        {
            return context.Catalog.Resolve(name) ?? throw context.Catalog.NotFound(name, param);
        }

        ServedModel[] models = [.. context.Catalog.Models.Where(model => model.Chat is not null)];
        return models is [var only] ? only : throw OpenAIException.Missing(param);
    }
}
