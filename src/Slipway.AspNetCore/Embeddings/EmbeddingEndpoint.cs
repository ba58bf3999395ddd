using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;
using Slipway.Tokenization;

namespace Slipway.AspNetCore.Embeddings;

/// <summary>Embeds texts: <c>POST /embeddings</c>.</summary>
internal static class EmbeddingEndpoint
{
    private const int MaxTexts = 2048;

    public static async Task HandleAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.EmbeddingRequest).ConfigureAwait(false);
        var generator = RequireGenerator(context.Catalog.Find(request.Model).Model);
        Require.InRange(request.Dimensions, 1, int.MaxValue, "dimensions");
        if (request.EncodingFormat is not (null or "float" or "base64"))
        {
            throw OpenAIException.InvalidValue("encoding_format", request.EncodingFormat, "'float' or 'base64'");
        }

        var options = new EmbeddingGenerationOptions { Dimensions = request.Dimensions };
        if (request.PromptName is { } prompt)
        {
            options.AdditionalProperties = new() { ["prompt_name"] = prompt };
        }

        var embeddings = await generator.GenerateAsync(
            Texts(request.Input, generator), options, context.Aborted).ConfigureAwait(false);
        var isBase64 = request.EncodingFormat == "base64";
        var tokens = embeddings.Usage?.InputTokenCount ?? 0;
        await context.WriteAsync(
            new EmbeddingResponse(
                [.. embeddings.Select((embedding, index) => new EmbeddingItem(
                    index, new EmbeddingValue(embedding.Vector, isBase64)))],
                request.Model, new TokenUsage(tokens, null, tokens)),
            OpenAIJson.Default.EmbeddingResponse).ConfigureAwait(false);
    }

    /// <summary>Gives a model's generator.</summary>
    /// <exception cref="OpenAIException">The model makes no embeddings.</exception>
    public static IEmbeddingGenerator<string, Embedding<float>> RequireGenerator(ServedModel model)
        => model.Embeddings ?? throw new OpenAIException(
            400, $"The model '{OpenAIException.Excerpt(model.Name)}' makes no embeddings. Name one that does.", "model",
            "model_not_supported");

    private static IReadOnlyList<string> Texts(
        JsonElement input, IEmbeddingGenerator<string, Embedding<float>> generator)
    {
        const string path = "input";
        switch (input.ValueKind)
        {
            case JsonValueKind.String:
                return [Text(input, path)];
            case JsonValueKind.Array when input.GetArrayLength() > 0 && input[0].ValueKind == JsonValueKind.Number:
                return [Decode(input, path, generator)];
            case JsonValueKind.Array:
                Require.Count(input.GetArrayLength(), 1, MaxTexts, path);
                return [.. input.EnumerateArray().Select((item, index) => item.ValueKind == JsonValueKind.Array
                    ? Decode(item, $"{path}[{index}]", generator) : Text(item, $"{path}[{index}]"))];
            default:
                throw OpenAIException.InvalidType(
                    path, JsonShape.KindOf(input), "a string, an array of integers, or an array of either");
        }
    }

    private static string Text(JsonElement item, string path) => item.ValueKind != JsonValueKind.String
        ? throw OpenAIException.InvalidType(path, JsonShape.KindOf(item), "a string or an array of integers")
        : item.GetString() is { Length: > 0 } text ? text
        : throw OpenAIException.InvalidValue(path, "", "a text of at least one character");

    private static string Decode(
        JsonElement ids, string path, IEmbeddingGenerator<string, Embedding<float>> generator)
    {
        var tokenizer = generator.GetService(typeof(HuggingFaceTokenizer)) as HuggingFaceTokenizer
            ?? throw OpenAIException.InvalidType(path, "an array of integers", "texts; this model takes no tokens");
        int[] numbers = [.. ids.EnumerateArray().Select((id, index)
            => id.ValueKind == JsonValueKind.Number && id.TryGetInt32(out var value) ? value
                : throw OpenAIException.InvalidType($"{path}[{index}]", JsonShape.KindOf(id), "an integer"))];
        Require.Count(numbers.Length, 1, int.MaxValue, path);
        foreach (var (index, number) in numbers.Index())
        {
            Require.InRange(number, 0, tokenizer.VocabularySize - 1, $"{path}[{index}]");
        }

        return tokenizer.Decode(numbers, skipSpecialTokens: true);
    }
}
