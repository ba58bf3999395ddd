namespace Slipway;

/// <summary>Asks for the most probable continuations of a prompt as wholes.</summary>
/// <remarks>
/// Names and meanings follow Hugging Face transformers, whose sequences and scores these are. Immutable; the lists must
/// not change while the request runs.
/// </remarks>
public sealed record BeamSearchRequest
{
    /// <summary>The prompt's token ids; at least one.</summary>
    public required IReadOnlyList<int> PromptIds { get; init; }

    /// <summary>The maximum of tokens of an answer.</summary>
    public required int MaxOutputTokens { get; init; }

    /// <summary>Number of continuations that are followed at once, 1 to 64.</summary>
    /// <value>4</value>
    public int NumBeams { get; init; } = 4;

    /// <summary>Number of answers to give, at most <see cref="NumBeams"/>.</summary>
    /// <value>1</value>
    public int NumReturnSequences { get; init; } = 1;

    /// <summary>
    /// The power of an answer's length that its log-probability is divided by, -32 to 32; above 0 favours long ones.
    /// </summary>
    /// <value>1</value>
    public double LengthPenalty { get; init; } = 1;

    /// <summary>
    /// Tells whether the search ends as soon as there are <see cref="NumBeams"/> answers, or only when no continuation
    /// looks better than they do.
    /// </summary>
    public bool EarlyStopping { get; init; }

    /// <summary>The minimum of tokens before an answer may end by itself.</summary>
    public int MinOutputTokens { get; init; }

    /// <summary>
    /// Divides positive and multiplies negative log-probabilities of tokens that occurred; 1 changes none.
    /// </summary>
    /// <value>1</value>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Groups of this many tokens never occur twice; 0 allows all.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Further token ids that end an answer, beside those that the package names.</summary>
    public IReadOnlyList<int> StopTokenIds { get; init; } = [];

    /// <summary>Tells whether answers go on past end-of-sequence tokens.</summary>
    public bool IgnoreEndOfSequence { get; init; }

    /// <summary>
    /// The LoRA adapter to answer with, one of <see cref="LanguageModel.Adapters"/>; null for the model alone.
    /// </summary>
    public string? Adapter { get; init; }

    /// <summary>Among waiting requests a higher priority goes first; equal ones in order of arrival.</summary>
    public int Priority { get; init; }

    internal GenerationRequest ToGeneration() => new()
    {
        PromptIds = PromptIds,
        MaxOutputTokens = MaxOutputTokens,
        MinOutputTokens = MinOutputTokens,
        Sampling = ToSampling(),
    };

    internal SamplingOptions ToSampling()
        => new() { RepetitionPenalty = RepetitionPenalty, NoRepeatNgramSize = NoRepeatNgramSize };
}

/// <summary>One answer of a beam search.</summary>
/// <param name="Ids">The answer's token ids, the one that ended it included.</param>
/// <param name="Score">
/// The natural logarithm of its probability, divided by its length to the power of the length penalty.
/// </param>
/// <param name="FinishReason">Why it ends.</param>
public sealed record BeamAnswer(IReadOnlyList<int> Ids, double Score, FinishReason FinishReason);
