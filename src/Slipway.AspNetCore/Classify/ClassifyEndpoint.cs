using System.Text.Json;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Classify;

/// <summary>Holds a request of <c>POST /classify</c>, in the form of vLLM's server.</summary>
internal sealed class ClassifyRequest
{
    public required string Model { get; init; }

    /// <summary>A text, or an array of texts.</summary>
    public required JsonElement Input { get; init; }

    public string? User { get; init; }
}

/// <summary>Holds the labels of texts, in their order.</summary>
internal sealed record ClassifyResponse(string Id, long Created, string Model, IReadOnlyList<LabeledText> Data)
{
    public string Object { get; } = "list";
}

/// <summary>Holds a text's most probable label, and the probabilities of all in the model's order.</summary>
internal sealed record LabeledText(int Index, string Label, IReadOnlyList<float> Probs, int NumClasses);

/// <summary>Labels texts: <c>POST /classify</c>.</summary>
internal static class ClassifyEndpoint
{
    private const int MaxTexts = 2048;

    public static async Task HandleAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.ClassifyRequest).ConfigureAwait(false);
        var model = context.Catalog.Find(request.Model).Model;
        var classifier = model.Classifier ?? throw new OpenAIException(
            400, $"The model '{OpenAIException.Excerpt(model.Name)}' labels no texts. Name one that does.", "model",
            "model_not_supported");
        var labeled = await classifier.ClassifyAsync(Texts(request.Input), context.Aborted).ConfigureAwait(false);
        await context.WriteAsync(
            new ClassifyResponse(
                RequestContext.NewId("classify-"), context.Catalog.Now.ToUnixTimeSeconds(), request.Model,
                [.. labeled.Select((text, index) => new LabeledText(
                    index, text.Best.Label, [.. text.Scores.Select(label => label.Score)], text.Scores.Count))]),
            OpenAIJson.Default.ClassifyResponse).ConfigureAwait(false);
    }

    private static IReadOnlyList<string> Texts(JsonElement input)
    {
        const string path = "input";
        switch (input.ValueKind)
        {
            case JsonValueKind.String:
                return [input.GetString()!];
            case JsonValueKind.Array:
                Require.Count(input.GetArrayLength(), 1, MaxTexts, path);
                return [.. input.EnumerateArray().Select((item, index) => item.ValueKind == JsonValueKind.String
                    ? item.GetString()!
                    : throw OpenAIException.InvalidType($"{path}[{index}]", JsonShape.KindOf(item), "a string"))];
            default:
                throw OpenAIException.InvalidType(path, JsonShape.KindOf(input), "a string or an array of strings");
        }
    }
}
