using System.Text.Json;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Holds a request of <c>POST /chat/completions</c>; members are those of OpenAI's API, then vLLM's.</summary>
internal sealed class ChatCompletionRequest
{
    public required string Model { get; init; }

    public required IReadOnlyList<RequestMessage> Messages { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? N { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    /// <summary>A string, or an array of strings.</summary>
    public JsonElement Stop { get; init; }

    public int? MaxTokens { get; init; }

    public int? MaxCompletionTokens { get; init; }

    public double? PresencePenalty { get; init; }

    public double? FrequencyPenalty { get; init; }

    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    public bool? Logprobs { get; init; }

    public int? TopLogprobs { get; init; }

    public long? Seed { get; init; }

    public IReadOnlyList<RequestTool>? Tools { get; init; }

    /// <summary>One of <c>none</c>, <c>auto</c> and <c>required</c>, a function, or allowed tools.</summary>
    public JsonElement ToolChoice { get; init; }

    public bool? ParallelToolCalls { get; init; }

    public ResponseFormat? ResponseFormat { get; init; }

    public string? ReasoningEffort { get; init; }

    public string? ServiceTier { get; init; }

    public bool? Store { get; init; }

    public IReadOnlyList<string>? Modalities { get; init; }

    // Read and of no consequence: who asks, and hints that only speed up.
    public string? User { get; init; }

    public string? SafetyIdentifier { get; init; }

    public string? PromptCacheKey { get; init; }

    public IReadOnlyDictionary<string, string>? Metadata { get; init; }

    public string? PromptCacheRetention { get; init; }

    public JsonElement PromptCacheOptions { get; init; }

    public JsonElement Prediction { get; init; }

    public string? Verbosity { get; init; }

    // Refused by name.
    public JsonElement Audio { get; init; }

    public JsonElement Functions { get; init; }

    public JsonElement FunctionCall { get; init; }

    public JsonElement WebSearchOptions { get; init; }

    public JsonElement Moderation { get; init; }

    // Members of vLLM's server, which go to the client as they are.
    public JsonElement TopK { get; init; }

    public JsonElement MinP { get; init; }

    public JsonElement TypicalP { get; init; }

    public JsonElement RepetitionPenalty { get; init; }

    public JsonElement NoRepeatNgramSize { get; init; }

    public JsonElement MinTokens { get; init; }

    public JsonElement StopTokenIds { get; init; }

    public JsonElement BadWords { get; init; }

    public JsonElement IgnoreEos { get; init; }

    public JsonElement Priority { get; init; }

    public JsonElement ThinkingTokenBudget { get; init; }

    public JsonElement EnableThinking { get; init; }

    public JsonElement ChatTemplateKwargs { get; init; }

    public JsonElement GuidedJson { get; init; }

    public JsonElement GuidedRegex { get; init; }

    public JsonElement GuidedChoice { get; init; }

    public JsonElement GuidedGrammar { get; init; }
}

/// <summary>Says what a stream holds beside the answer.</summary>
internal sealed class StreamOptions
{
    public bool? IncludeUsage { get; init; }

    public bool? IncludeObfuscation { get; init; }
}

/// <summary>Holds a message of a request.</summary>
internal sealed class RequestMessage
{
    public required string Role { get; init; }

    /// <summary>A string, an array of parts, or nothing.</summary>
    public JsonElement Content { get; init; }

    public string? Name { get; init; }

    public IReadOnlyList<RequestToolCall>? ToolCalls { get; init; }

    public string? ToolCallId { get; init; }

    public string? Refusal { get; init; }

    public string? ReasoningContent { get; init; }

    public string? Reasoning { get; init; }

    public JsonElement FunctionCall { get; init; }

    public JsonElement Audio { get; init; }

    public JsonElement Annotations { get; init; }
}

/// <summary>Holds a call that an earlier answer made.</summary>
internal sealed class RequestToolCall
{
    public required string Id { get; init; }

    public string? Type { get; init; }

    public int? Index { get; init; }

    public required CalledFunction Function { get; init; }
}

/// <summary>Holds a function's name and its arguments as JSON text.</summary>
internal sealed class CalledFunction
{
    public required string Name { get; init; }

    public required string Arguments { get; init; }
}

/// <summary>Holds a tool that is offered.</summary>
internal sealed class RequestTool
{
    public required string Type { get; init; }

    public OfferedFunction? Function { get; init; }

    public JsonElement Custom { get; init; }
}

/// <summary>Holds a function that is offered.</summary>
internal sealed class OfferedFunction
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    /// <summary>The JSON schema of the arguments.</summary>
    public JsonElement Parameters { get; init; }

    public bool? Strict { get; init; }
}

/// <summary>Says which form an answer has.</summary>
internal sealed class ResponseFormat
{
    public required string Type { get; init; }

    public NamedSchema? JsonSchema { get; init; }
}

/// <summary>Holds the schema of an answer.</summary>
internal sealed class NamedSchema
{
    public required string Name { get; init; }

    public string? Description { get; init; }

    public JsonElement Schema { get; init; }

    public bool? Strict { get; init; }
}
