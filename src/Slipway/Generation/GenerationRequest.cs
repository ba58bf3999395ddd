namespace Slipway;

/// <summary>Asks for the continuation of a prompt.</summary>
/// <remarks>Immutable; the lists must not change while the request runs.</remarks>
public sealed record GenerationRequest
{
    /// <summary>The prompt's token ids; at least one.</summary>
    public required IReadOnlyList<int> PromptIds { get; init; }

    /// <summary>Settings that choose tokens.</summary>
    /// <value>Greedy.</value>
    public SamplingOptions Sampling { get; init; } = new();

    /// <summary>The maximum of tokens to generate; null for as many as the context holds.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>The minimum of tokens to generate before the answer may end by an end-of-sequence token.</summary>
    public int MinOutputTokens { get; init; }

    /// <summary>Number of answers to the prompt, 1 to 64; they share what they compute of it.</summary>
    /// <value>1</value>
    /// <remarks>
    /// Their tokens come as they are chosen; <see cref="GeneratedToken.SequenceIndex"/> tells them apart, and the last
    /// token of each carries its finish reason and usage. Each draws for itself; with a seed the first answer is the
    /// one that a request for a single answer gets. What they share is the prefix cache's.
    /// </remarks>
    public int NumReturnSequences { get; init; } = 1;

    /// <summary>Texts that end the answer when they come up; they are not part of it.</summary>
    public IReadOnlyList<string> StopSequences { get; init; } = [];

    /// <summary>Further token ids that end the answer, beside those that the package names.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Tells whether generation goes on past end-of-sequence tokens.</summary>
    public bool IgnoreEndOfSequence { get; init; }

    /// <summary>Tells whether special tokens appear in the text.</summary>
    public bool IncludeSpecialTokens { get; init; }

    /// <summary>
    /// Number of alternatives with their log-probability that each token carries; null for no log-probabilities.
    /// </summary>
    public int? LogProbabilities { get; init; }

    /// <summary>Processors of the caller's own, applied to the logits before the sampling options.</summary>
    /// <remarks>
    /// They belong to this request alone and are called on the engine's thread, which computes all requests of the
    /// model: a processor that sleeps or waits stops the others as well. See <see cref="ILogitsProcessor"/>.
    /// </remarks>
    public IReadOnlyList<ILogitsProcessor> LogitsProcessors { get; init; } = [];

    /// <summary>Grammar of the answer; null for any text.</summary>
    /// <remarks>
    /// The grammar has the last word: where other options leave no token that it allows, they are passed over. Needs
    /// the package's tokenizer, and cannot go with <see cref="IgnoreEndOfSequence"/>.
    /// </remarks>
    public GuidanceGrammar? Guidance { get; init; }

    /// <summary>
    /// Longest time that the request may take, waiting included; then it ends with <see cref="TimeoutException"/>. Null
    /// for no limit.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>
    /// The LoRA adapter to answer with, one of <see cref="LanguageModel.Adapters"/>; null for the model alone.
    /// </summary>
    public string? Adapter { get; init; }

    /// <summary>
    /// The maximum of tokens to draft from what followed the last ones before, in prompt or answer, and to verify in
    /// one run; 0 drafts none, null is <see cref="LanguageModelOptions.DraftTokens"/>.
    /// </summary>
    /// <remarks>
    /// Faster where answers repeat their prompt, such as tool calls, summaries and edits. The tokens are those that
    /// would come without: each is chosen as ever, and a draft only saves its step. Drafts pause where they do not pay.
    /// Models whose layers have a recurrent state draft nothing.
    /// </remarks>
    public int? DraftTokens { get; init; }

    /// <summary>Among waiting requests a higher priority goes first; equal ones in order of arrival.</summary>
    public int Priority { get; init; }
}
