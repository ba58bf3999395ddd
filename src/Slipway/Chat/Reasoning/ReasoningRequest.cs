using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Turns the reasoning options of a request into template variables and a budget of tokens.</summary>
internal static class ReasoningRequest
{
    private const int LowTokens = 1024, MediumTokens = 4096;

    /// <summary>Tells the template whether, and how much, the model is to reason.</summary>
    /// <remarks>Families read variables of different names; each has the same meaning in all templates.</remarks>
    public static void AddTo(JsonObject variables, ReasoningEffort? effort)
    {
        if (effort is null)
        {
            return;
        }

        foreach (var name in (string[])["enable_thinking", "thinking", "reasoning"])
        {
            variables[name] = effort != ReasoningEffort.None;
        }

        variables["reasoning_effort"] = effort switch
        {
            ReasoningEffort.None => "none",
            ReasoningEffort.Low => "low",
            ReasoningEffort.Medium => "medium",
            _ => "high",
        };
    }

    /// <summary>The most tokens that the reasoning may have; null for any number.</summary>
    /// <remarks>
    /// A quarter of the answer's limit and 1,024 tokens for low effort, half of it and 4,096 for medium effort, three
    /// quarters for high and nine tenths for extra high effort; an own limit counts before all of these.
    /// </remarks>
    public static int? Budget(ReasoningEffort? effort, OnnxChatRequestOptions request)
    {
        if (request.MaxReasoningTokens is { } own)
        {
            return own;
        }

        var limit = request.MaxOutputTokens;
        return effort switch
        {
            ReasoningEffort.None => 0,
            ReasoningEffort.Low => Math.Min(LowTokens, (limit ?? int.MaxValue) / 4),
            ReasoningEffort.Medium => Math.Min(MediumTokens, (limit ?? int.MaxValue) / 2),
            ReasoningEffort.High => limit is { } high ? (int)(high * 0.75) : null,
            ReasoningEffort.ExtraHigh => limit is { } most ? (int)(most * 0.9) : null,
            _ => null,
        };
    }
}
