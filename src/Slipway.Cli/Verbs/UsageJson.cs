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
        ["total_tokens"] = usage.TotalTokens,
    };
}
