using System.Text.Json;
using Slipway.AspNetCore.ChatCompletions;

namespace Slipway.AspNetCore.Completions;

/// <summary>Holds a request of <c>POST /completions</c>; members are those of OpenAI's API, then vLLM's.</summary>
internal sealed class CompletionRequest
{
    public required string Model { get; init; }

    /// <summary>A text, ids of tokens, or an array of either.</summary>
    public required JsonElement Prompt { get; init; }

    public int? MaxTokens { get; init; }

    public double? Temperature { get; init; }

    public double? TopP { get; init; }

    public int? N { get; init; }

    public int? BestOf { get; init; }

    public bool? Stream { get; init; }

    public StreamOptions? StreamOptions { get; init; }

    public int? Logprobs { get; init; }

    public bool? Echo { get; init; }

    /// <summary>A string, or an array of strings.</summary>
    public JsonElement Stop { get; init; }

    public double? PresencePenalty { get; init; }

    public double? FrequencyPenalty { get; init; }

    public IReadOnlyDictionary<string, double>? LogitBias { get; init; }

    public long? Seed { get; init; }

    public string? Suffix { get; init; }

    public string? User { get; init; }

    public int? TopK { get; init; }

    public double? MinP { get; init; }

    public double? RepetitionPenalty { get; init; }

    public int? MinTokens { get; init; }

    public bool? IgnoreEos { get; init; }

    public IReadOnlyList<int>? StopTokenIds { get; init; }

    public string? GuidedRegex { get; init; }

    public IReadOnlyList<string>? GuidedChoice { get; init; }

    public string? GuidedGrammar { get; init; }

    public JsonElement GuidedJson { get; init; }
}
