using System.Text.Json.Serialization;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Completions;

/// <summary>Holds continuations of prompts, whole or in parts.</summary>
internal sealed record Completion(
    string Id, long Created, string Model, IReadOnlyList<CompletionChoice> Choices,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] StreamedUsage Usage)
{
    public string Object { get; } = "text_completion";
}

/// <summary>Holds one of the continuations, or a part of it.</summary>
internal sealed record CompletionChoice(
    int Index,
    string Text,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] CompletionLogprobs? Logprobs,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] string? FinishReason);

/// <summary>Holds the log-probabilities of tokens, list by list.</summary>
internal sealed record CompletionLogprobs(
    IReadOnlyList<string> Tokens,
    IReadOnlyList<float?> TokenLogprobs,
    IReadOnlyList<IReadOnlyDictionary<string, float>?> TopLogprobs,
    IReadOnlyList<int> TextOffset);
