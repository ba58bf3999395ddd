namespace Slipway;

/// <summary>Says how the next token is chosen from the logits.</summary>
/// <remarks>
/// Applied in this order: logit bias, repetition, presence and frequency penalties, DRY, no-repeat n-grams, bad words,
/// minimum length, temperature, top-k, top-p, min-p, typical, epsilon and eta cut-offs, XTC, mirostat; then one token
/// is drawn. Processors and their order follow Hugging Face transformers; presence and frequency penalties follow
/// OpenAI.
/// </remarks>
public sealed record SamplingOptions
{
    /// <summary>Divisor of the logits; 0 always takes the most probable token.</summary>
    /// <value>0</value>
    public double Temperature { get; init; }

    /// <summary>Number of the most probable tokens that are kept; 0 keeps all.</summary>
    public int TopK { get; init; }

    /// <summary>The most probable tokens that reach this probability together are kept; 1 keeps all.</summary>
    /// <value>1</value>
    public double TopP { get; init; } = 1;

    /// <summary>Tokens less probable than this share of the most probable one are dropped; 0 drops none.</summary>
    public double MinP { get; init; }

    /// <summary>Tokens of typical information content that reach this probability are kept; 1 keeps all.</summary>
    /// <value>1</value>
    public double TypicalP { get; init; } = 1;

    /// <summary>Tokens less probable than this are dropped; 0 drops none.</summary>
    public double EpsilonCutoff { get; init; }

    /// <summary>Tokens below a threshold that follows the entropy are dropped; 0 drops none.</summary>
    public double EtaCutoff { get; init; }

    /// <summary>
    /// Divides positive and multiplies negative logits of tokens in prompt and answer; 1 changes none.
    /// </summary>
    /// <value>1</value>
    public double RepetitionPenalty { get; init; } = 1;

    /// <summary>Subtracted from the logits of tokens that occur in the answer.</summary>
    public double PresencePenalty { get; init; }

    /// <summary>Subtracted from a token's logit for each time that it occurs in the answer.</summary>
    public double FrequencyPenalty { get; init; }

    /// <summary>
    /// Logit that a token loses that would continue a repetition of <see cref="DryAllowedLength"/> tokens; 0 turns DRY
    /// off.
    /// </summary>
    public double DryMultiplier { get; init; }

    /// <summary>Factor of the loss for each further token of the repetition.</summary>
    /// <value>1.75</value>
    public double DryBase { get; init; } = 1.75;

    /// <summary>The shortest repetition, in tokens, that costs something.</summary>
    /// <value>2</value>
    public int DryAllowedLength { get; init; } = 2;

    /// <summary>Token ids that repetitions do not reach across, such as those of line breaks and quotes.</summary>
    public IReadOnlyList<int> DrySequenceBreakers { get; init; } = [];

    /// <summary>
    /// Probability with which all but the least probable of the tokens above a threshold are dropped; 0 turns XTC off.
    /// </summary>
    public double XtcProbability { get; init; }

    /// <summary>The probability from which XTC takes a token for an obvious one.</summary>
    /// <value>0.1</value>
    public double XtcThreshold { get; init; } = 0.1;

    /// <summary>The surprise in bits that mirostat holds the answer to; 0 turns it off.</summary>
    public double MirostatTarget { get; init; }

    /// <summary>Rate at which mirostat follows the surprise of the tokens drawn.</summary>
    /// <value>0.1</value>
    public double MirostatRate { get; init; } = 0.1;

    /// <summary>Groups of this many tokens never occur twice; 0 allows all.</summary>
    public int NoRepeatNgramSize { get; init; }

    /// <summary>Token sequences that never occur in the answer.</summary>
    public IReadOnlyList<IReadOnlyList<int>> BadWords { get; init; } = [];

    /// <summary>Values added to the logits of single tokens.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>Makes the draws repeatable: the same seed gives the same draws, alone or in company.</summary>
    /// <value>A new one for each request.</value>
    public long? Seed { get; init; }
}
