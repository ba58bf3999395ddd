using System.Text.Json;

namespace Slipway.AspNetCore.Embeddings;

/// <summary>Holds a request of <c>POST /embeddings</c>.</summary>
internal sealed class EmbeddingRequest
{
    public required string Model { get; init; }

    /// <summary>A text, ids of tokens, or an array of either.</summary>
    public required JsonElement Input { get; init; }

    public string? EncodingFormat { get; init; }

    public int? Dimensions { get; init; }

    public string? User { get; init; }

    /// <summary>The name of the prompt that goes before each text; as in Sentence Transformers.</summary>
    public string? PromptName { get; init; }
}
