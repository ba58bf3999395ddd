using System.Text.Json.Serialization;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Holds a whole response.</summary>
internal sealed record ChatCompletion(
    string Id, long Created, string Model, IReadOnlyList<ChatChoice> Choices, TokenUsage? Usage, string? ServiceTier)
{
    public string Object { get; } = "chat.completion";
}

/// <summary>Holds one of the answers.</summary>
internal sealed record ChatChoice(
    int Index,
    ChatAnswer Message,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChoiceLogprobs? Logprobs,
    string FinishReason);

/// <summary>Holds the message of an answer.</summary>
internal sealed record ChatAnswer(
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? Content,
    string? ReasoningContent,
    IReadOnlyList<AnsweredToolCall>? ToolCalls)
{
    public string Role { get; } = "assistant";

    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public string? Refusal { get; }
}

/// <summary>Holds a call in an answer.</summary>
/// <param name="Index">The call's place in a stream's answer; null in a whole one.</param>
/// <param name="Id">The call's id.</param>
/// <param name="Function">The function with its arguments.</param>
internal sealed record AnsweredToolCall(int? Index, string Id, AnsweredFunction Function)
{
    public string Type { get; } = "function";
}

/// <summary>Holds a function's name and its arguments as JSON text.</summary>
internal sealed record AnsweredFunction(string Name, string Arguments);

/// <summary>Holds the log-probabilities of an answer's tokens.</summary>
internal sealed record ChoiceLogprobs(IReadOnlyList<TokenLogprob> Content)
{
    [JsonIgnore(Condition = JsonIgnoreCondition.Never)]
    public IReadOnlyList<TokenLogprob>? Refusal { get; }
}

/// <summary>Holds a token's log-probability, and those of the most probable ones.</summary>
internal sealed record TokenLogprob(
    string Token, float Logprob, IReadOnlyList<int> Bytes, IReadOnlyList<TokenLogprob>? TopLogprobs);

/// <summary>Holds a part of a streamed response.</summary>
internal sealed record ChatCompletionChunk(
    string Id, long Created, string Model, IReadOnlyList<ChunkChoice> Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] StreamedUsage Usage,
    string? ServiceTier)
{
    public string Object { get; } = "chat.completion.chunk";
}

/// <summary>Holds a part of one of the answers.</summary>
internal sealed record ChunkChoice(
    int Index,
    ChunkDelta Delta,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] ChoiceLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>Holds what a part adds to an answer.</summary>
internal sealed record ChunkDelta(
    string? Role = null,
    string? Content = null,
    string? ReasoningContent = null,
    IReadOnlyList<AnsweredToolCall>? ToolCalls = null);
