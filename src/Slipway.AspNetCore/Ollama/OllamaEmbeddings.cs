using System.Text.Json;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.Embeddings;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Holds a request of <c>POST /api/embed</c>.</summary>
internal sealed class OllamaEmbedRequest
{
    public required string Model { get; init; }

    /// <summary>A text, or an array of texts.</summary>
    public JsonElement Input { get; init; }

    public int? Dimensions { get; init; }

    public JsonElement KeepAlive { get; init; }
}

/// <summary>Holds embeddings in the order of their texts.</summary>
internal sealed record OllamaEmbedResponse(
    string Model, IReadOnlyList<EmbeddingValue> Embeddings, long TotalDuration, long LoadDuration,
    long? PromptEvalCount);

/// <summary>Holds a request of <c>POST /api/embeddings</c>, the older form.</summary>
internal sealed class OllamaEmbeddingRequest
{
    public required string Model { get; init; }

    public string? Prompt { get; init; }

    public JsonElement KeepAlive { get; init; }
}

/// <summary>Holds one embedding.</summary>
internal sealed record OllamaEmbeddingResponse(EmbeddingValue Embedding);

/// <summary>Embeds texts.</summary>
internal static class OllamaEmbeddings
{
    private const int MaxTexts = 2048;

    public static async Task EmbedAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OllamaJson.Default.OllamaEmbedRequest, takesAnyType: true)
            .ConfigureAwait(false);
        var times = new AnswerTimes(context.Http.RequestServices.GetService<TimeProvider>() ?? TimeProvider.System);
        KeepAlive.Check(request.KeepAlive);
        Require.InRange(request.Dimensions, 0, int.MaxValue, "dimensions");
        var (embeddings, tokens) = await EmbedAsync(
            context, request.Model, Texts(request.Input), request.Dimensions is > 0 and var size ? size : null, times)
            .ConfigureAwait(false);
        var (total, load, _, _) = times.Tell();
        await context.WriteAsync(
            new OllamaEmbedResponse(request.Model, embeddings, total, load, tokens),
            OllamaJson.Default.OllamaEmbedResponse).ConfigureAwait(false);
    }

    public static async Task EmbedOneAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OllamaJson.Default.OllamaEmbeddingRequest, takesAnyType: true)
            .ConfigureAwait(false);
        KeepAlive.Check(request.KeepAlive);
        var (embeddings, _) = await EmbedAsync(
            context, request.Model, string.IsNullOrEmpty(request.Prompt) ? [] : [request.Prompt], null,
            new AnswerTimes(TimeProvider.System)).ConfigureAwait(false);
        await context.WriteAsync(
            new OllamaEmbeddingResponse(embeddings.Count == 0 ? new EmbeddingValue(default, false) : embeddings[0]),
            OllamaJson.Default.OllamaEmbeddingResponse).ConfigureAwait(false);
    }

    private static async Task<(IReadOnlyList<EmbeddingValue> Embeddings, long? Tokens)> EmbedAsync(
        RequestContext context, string model, IReadOnlyList<string> texts, int? dimensions, AnswerTimes times)
    {
        var generator = EmbeddingEndpoint.RequireGenerator(OllamaModels.Find(context.Catalog, model).Model);
        times.Loaded();

        // No text asks for loading alone.
        if (texts.Count == 0)
        {
            return ([], null);
        }

        var embeddings = await generator.GenerateAsync(texts, new() { Dimensions = dimensions }, context.Aborted)
            .ConfigureAwait(false);
        return (
            [.. embeddings.Select(embedding => new EmbeddingValue(embedding.Vector, false))],
            embeddings.Usage?.InputTokenCount);
    }

    private static IReadOnlyList<string> Texts(JsonElement input)
    {
        const string path = "input";
        switch (input.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return [];
            case JsonValueKind.String:
                return input.GetString() is { Length: > 0 } text ? [text] : [];
            case JsonValueKind.Array:
                Require.Count(input.GetArrayLength(), 0, MaxTexts, path);
                return [.. input.EnumerateArray().Select((item, index) => item.ValueKind != JsonValueKind.String
                    ? throw OpenAIException.InvalidType($"{path}[{index}]", JsonShape.KindOf(item), "a string")
                    : item.GetString() is { Length: > 0 } text ? text
                    : throw OpenAIException.InvalidValue($"{path}[{index}]", "", "a text of at least one character"))];
            default:
                throw OpenAIException.InvalidType(path, JsonShape.KindOf(input), "a string or an array of strings");
        }
    }
}
