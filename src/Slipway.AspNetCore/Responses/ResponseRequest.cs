using System.Text.Json;

namespace Slipway.AspNetCore.Responses;

/// <summary>Holds a request of <c>POST /responses</c>.</summary>
internal sealed class ResponseRequest
{
    public required string Model { get; init; }

    /// <summary>A text, or an array of items.</summary>
    public required JsonElement Input { get; init; }

    public string? Instructions { get; init; }

    public string? PreviousResponseId { get; init; }

    public bool? Store { get; init; }

    public bool? Stream { get; init; }

    public ResponseStreamOptions? StreamOptions { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? MaxOutputTokens { get; init; }

    public IReadOnlyList<ResponseTool>? Tools { get; init; }

    /// <summary>One of <c>none</c>, <c>auto</c> and <c>required</c>, a function, or allowed tools.</summary>
    public JsonElement ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public ResponseText? Text { get; init; }

    public ResponseReasoning? Reasoning { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public string? Truncation { get; init; }

    public string? ServiceTier { get; init; }

    public IReadOnlyList<string>? Include { get; init; }

    public int? TopLogprobs { get; init; }

    // Read and of no consequence: who asks, and hints that only speed up.
    public string? User { get; init; }

    public string? SafetyIdentifier { get; init; }

    public string? PromptCacheKey { get; init; }

    public string? PromptCacheRetention { get; init; }

    public JsonElement PromptCacheOptions { get; init; }

    // Refused by name.
    public bool? Background { get; init; }

    public JsonElement Conversation { get; init; }

    public JsonElement Prompt { get; init; }

    public JsonElement MaxToolCalls { get; init; }

    public JsonElement ContextManagement { get; init; }

    public JsonElement Moderation { get; init; }
}

/// <summary>Says what events of a stream hold beside the answer.</summary>
internal sealed class ResponseStreamOptions
{
    public bool? IncludeObfuscation { get; init; }
}

/// <summary>Holds a tool that is offered.</summary>
internal sealed class ResponseTool
{
    public required string Type { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    /// <summary>The JSON schema of the arguments.</summary>
    public JsonElement? Parameters { get; init; }

    public bool? Strict { get; init; }
}

/// <summary>Says which form a text has.</summary>
internal sealed class ResponseText
{
    public ResponseTextFormat? Format { get; init; }

    public string? Verbosity { get; init; }
}

/// <summary>Names a form of texts.</summary>
internal sealed class ResponseTextFormat
{
    public required string Type { get; init; }

    public string? Name { get; init; }

    public string? Description { get; init; }

    public JsonElement? Schema { get; init; }

    public bool? Strict { get; init; }
}

/// <summary>Says how much a model is to reason.</summary>
internal sealed class ResponseReasoning
{
    public string? Effort { get; init; }

    public string? Summary { get; init; }

    public string? GenerateSummary { get; init; }
}
