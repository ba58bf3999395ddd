using System.Text.Json;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Rerank;

/// <summary>Holds a request of <c>POST /rerank</c>, in the form that Jina's and Cohere's APIs share.</summary>
internal sealed class RerankRequest
{
    public required string Model { get; init; }

    public required string Query { get; init; }

    /// <summary>Texts, or objects with a <c>text</c>.</summary>
    public required IReadOnlyList<JsonElement> Documents { get; init; }

    public int? TopN { get; init; }

    public bool? ReturnDocuments { get; init; }
}

/// <summary>Holds documents, best first.</summary>
internal sealed record RerankResponse(string Id, string Model, IReadOnlyList<RankedDocument> Results);

/// <summary>Holds a document's place in the request and its score.</summary>
internal sealed record RankedDocument(int Index, float RelevanceScore, DocumentText? Document);

/// <summary>Holds a document's text.</summary>
internal sealed record DocumentText(string Text);

/// <summary>Ranks documents by how well they answer a query: <c>POST /rerank</c>.</summary>
internal static class RerankEndpoint
{
    private const int MaxDocuments = 2048;

    public static async Task HandleAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.RerankRequest).ConfigureAwait(false);
        var model = context.Catalog.Find(request.Model).Model;
        var reranker = model.Reranker ?? throw new OpenAIException(
            400, $"The model '{OpenAIException.Excerpt(model.Name)}' ranks no documents"
            + (model.Classifier is null
                ? ". Name one that does."
                : ": it has several labels. Send texts to '/classify', or name a model with one label."),
            "model", "model_not_supported");
        Require.Count(request.Documents.Count, 1, MaxDocuments, "documents");
        Require.InRange(request.TopN, 1, int.MaxValue, "top_n");
        string[] texts = [.. request.Documents.Select((document, index) => Text(document, $"documents[{index}]"))];
        var ranked = await reranker.RankAsync(
            request.Query, texts, cancellationToken: context.Aborted).ConfigureAwait(false);
        await context.WriteAsync(
            new RerankResponse(
                RequestContext.NewId("rerank-"), request.Model,
                [.. ranked.Take(request.TopN ?? ranked.Count).Select(one => new RankedDocument(
                    one.Index, one.Score.Score,
                    request.ReturnDocuments == true ? new DocumentText(texts[one.Index]) : null))]),
            OpenAIJson.Default.RerankResponse).ConfigureAwait(false);
    }

    private static string Text(JsonElement document, string path) => document.ValueKind switch
    {
        JsonValueKind.String => document.GetString()!,
        JsonValueKind.Object when document.TryGetProperty("text", out var text)
            && text.ValueKind == JsonValueKind.String => text.GetString()!,
        _ => throw OpenAIException.InvalidType(
            path, JsonShape.KindOf(document), "a string or an object with a string 'text'"),
    };
}
