using Microsoft.Extensions.AI;

namespace Slipway.AspNetCore.Protocol;

/// <summary>Counts the tokens of a request.</summary>
internal sealed record TokenUsage(
    long PromptTokens,
    long? CompletionTokens,
    long TotalTokens,
    PromptTokenDetails? PromptTokensDetails = null,
    CompletionTokenDetails? CompletionTokensDetails = null)
{
    /// <summary>Adds up the answers to one prompt, which counts once; null where nothing is known.</summary>
    public static TokenUsage? Of(IReadOnlyList<UsageDetails> answers)
    {
        if (answers.Count == 0)
        {
            return null;
        }

        var prompt = answers[0].InputTokenCount ?? 0;
        var completion = answers.Sum(answer => answer.OutputTokenCount ?? 0);
        return new TokenUsage(
            prompt, completion, prompt + completion,
            new PromptTokenDetails(answers[0].CachedInputTokenCount ?? 0),
            new CompletionTokenDetails(answers.Sum(answer => answer.ReasoningTokenCount ?? 0)));
    }
}

/// <summary>Tells which tokens of a prompt were known already.</summary>
internal sealed record PromptTokenDetails(long CachedTokens);

/// <summary>Tells which tokens of an answer were reasoning.</summary>
internal sealed record CompletionTokenDetails(long ReasoningTokens);
