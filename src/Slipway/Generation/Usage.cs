namespace Slipway;

/// <summary>Counts the tokens of a request and tells where its time went.</summary>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="OutputTokens">Tokens generated, the one that ended the answer included.</param>
/// <param name="CachedTokens">Prompt tokens whose keys and values were reused instead of computed.</param>
/// <param name="QueueTime">From the request's arrival to the start of its prefill.</param>
/// <param name="PrefillTime">From the start of the prefill to the first token.</param>
/// <param name="DecodeTime">From the first token to the last.</param>
public sealed record Usage(
    int PromptTokens,
    int OutputTokens,
    int CachedTokens,
    TimeSpan QueueTime,
    TimeSpan PrefillTime,
    TimeSpan DecodeTime)
{
    /// <summary>Tokens that were drafted and verified.</summary>
    public int DraftedTokens { get; init; }

    /// <summary>Drafted tokens that became tokens of the answer.</summary>
    public int AcceptedTokens { get; init; }

    /// <summary>Prompt and output tokens together.</summary>
    public int TotalTokens => PromptTokens + OutputTokens;

    /// <summary>From the request's arrival to its first token.</summary>
    public TimeSpan TimeToFirstToken => QueueTime + PrefillTime;
}
