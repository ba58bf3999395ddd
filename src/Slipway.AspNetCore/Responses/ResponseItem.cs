using System.Text.Json.Serialization;
using Slipway.AspNetCore.ChatCompletions;

namespace Slipway.AspNetCore.Responses;

/// <summary>Holds an item of a conversation as the API writes it: a message, reasoning, a call or its result.</summary>
internal sealed record ResponseItem
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    public string? Status { get; init; }

    public string? Role { get; init; }

    public IReadOnlyList<ResponsePart>? Content { get; init; }

    public IReadOnlyList<ResponsePart>? Summary { get; init; }

    public string? CallId { get; init; }

    public string? Name { get; init; }

    public string? Arguments { get; init; }
}

/// <summary>Holds a part of an item's content.</summary>
internal sealed record ResponsePart(string Type, string Text)
{
    /// <summary>Places that a text cites; texts of models here cite none.</summary>
    public IReadOnlyList<string>? Annotations { get; init; } = Type == "output_text" ? [] : null;

    /// <summary>Log-probabilities of a text's tokens; empty where they were not asked for.</summary>
    public IReadOnlyList<TokenLogprob>? Logprobs { get; init; } = Type == "output_text" ? [] : null;
}

/// <summary>Holds a response.</summary>
internal sealed record Response
{
    public required string Id { get; init; }

    public string Object { get; } = "response";

    public required long CreatedAt { get; init; }

    public required string Status { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public ResponseError? Error { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IncompleteDetails? IncompleteDetails { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Instructions { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public int? MaxOutputTokens { get; init; }

    public required string Model { get; init; }

    public required IReadOnlyList<ResponseItem> Output { get; init; }

    public bool ParallelToolCalls { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? PreviousResponseId { get; init; }

    public required ResponseReasoning Reasoning { get; init; }

    public bool Store { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public double? Temperature { get; init; }

    public required ResponseText Text { get; init; }

    public required System.Text.Json.JsonElement ToolChoice { get; init; }

    public required IReadOnlyList<ResponseTool> Tools { get; init; }

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public double? TopP { get; init; }

    public required string Truncation { get; init; }

    public bool Background { get; }

    /// <summary>The time of the end, in seconds since 1970.</summary>
    public long? CompletedAt { get; init; }

    /// <summary>The tier that serves the request, where it asks for one; there is one.</summary>
    public string? ServiceTier { get; init; }

    public int? TopLogprobs { get; init; }

    public string? User { get; init; }

    public string? SafetyIdentifier { get; init; }

    public string? PromptCacheKey { get; init; }

    public string? PromptCacheRetention { get; init; }

    public ResponseUsage? Usage { get; init; }

    public required IReadOnlyDictionary<string, string> Metadata { get; init; }
}

/// <summary>Says why a response failed.</summary>
internal sealed record ResponseError(string Code, string Message);

/// <summary>Says why a response ended early.</summary>
internal sealed record IncompleteDetails(string Reason);

/// <summary>Counts the tokens of a response.</summary>
internal sealed record ResponseUsage(
    long InputTokens, InputTokenDetails InputTokensDetails, long OutputTokens, OutputTokenDetails OutputTokensDetails,
    long TotalTokens);

/// <summary>Tells which tokens of the input were known already.</summary>
internal sealed record InputTokenDetails(long CachedTokens)
{
    /// <summary>Tokens whose writing to the cache is paid for, which is never so here.</summary>
    public long CacheWriteTokens { get; }
}

/// <summary>Tells which tokens of the output were reasoning.</summary>
internal sealed record OutputTokenDetails(long ReasoningTokens);

/// <summary>Holds an event of a stream; each kind has some of the members.</summary>
internal sealed record ResponseEvent(string Type, int SequenceNumber)
{
    public Response? Response { get; init; }

    public int? OutputIndex { get; init; }

    public string? ItemId { get; init; }

    public int? ContentIndex { get; init; }

    public ResponseItem? Item { get; init; }

    public ResponsePart? Part { get; init; }

    public string? Delta { get; init; }

    public string? Text { get; init; }

    public string? Name { get; init; }

    public string? Arguments { get; init; }

    /// <summary>Log-probabilities of a text's tokens; empty where they were not asked for.</summary>
    public IReadOnlyList<TokenLogprob>? Logprobs { get; init; }
}

/// <summary>Says that a response is deleted.</summary>
internal sealed record DeletedResponse(string Id)
{
    public string Object { get; } = "response";

    public bool Deleted { get; } = true;
}

/// <summary>Holds the items that a response answered.</summary>
internal sealed record ResponseItemList(
    IReadOnlyList<System.Text.Json.JsonElement> Data,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FirstId,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? LastId,
    bool HasMore)
{
    public string Object { get; } = "list";
}

/// <summary>Holds the number of tokens that a request's input is.</summary>
internal sealed record CountedInput(long InputTokens)
{
    public string Object { get; } = "response.input_tokens";
}
