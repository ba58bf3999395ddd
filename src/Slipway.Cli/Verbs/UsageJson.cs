using System.Text.Json.Nodes;

namespace Slipway.Cli.Verbs;

/// <summary>The tokens of a request as JSON.</summary>
internal static class UsageJson
{
    public static JsonObject Of(Usage usage) => new()
    {
        ["prompt_tokens"] = usage.PromptTokens,
        ["output_tokens"] = usage.OutputTokens,
        ["cached_tokens"] = usage.CachedTokens,
        ["drafted_tokens"] = usage.DraftedTokens,
        ["accepted_tokens"] = usage.AcceptedTokens,
        ["total_tokens"] = usage.TotalTokens,
    };
}
