using System.Text.Json.Nodes;

namespace Slipway;

/// <summary>Holds what one chat request may ask for beyond Microsoft.Extensions.AI's own options.</summary>
/// <remarks>
/// Return one from <see cref="Microsoft.Extensions.AI.ChatOptions.RawRepresentationFactory"/>. Where a property is
/// null, the same property of the request's <see cref="Microsoft.Extensions.AI.ChatOptions"/> is taken, then the entry
/// of its <c>AdditionalProperties</c> that is named in parentheses below, then the package's default.
/// </remarks>
public sealed record OnnxChatRequestOptions
{
    /// <summary>Divisor of the logits; 0 always takes the most probable token.</summary>
    public double? Temperature { get; init; }

    /// <summary>Number of the most probable tokens that are kept; 0 keeps all.</summary>
    public int? TopK { get; init; }

    /// <summary>The most probable tokens that reach this probability together are kept; 1 keeps all.</summary>
    public double? TopP { get; init; }

    /// <summary>Tokens less probable than this share of the most probable one are dropped (<c>min_p</c>).</summary>
    public double? MinP { get; init; }

    /// <summary>
    /// Tokens of typical information content that reach this probability are kept (<c>typical_p</c>).
    /// </summary>
    public double? TypicalP { get; init; }

    /// <summary>
    /// Divides positive and multiplies negative logits of tokens that occurred (<c>repetition_penalty</c>).
    /// </summary>
    public double? RepetitionPenalty { get; init; }

    /// <summary>Subtracted from the logits of tokens that occur in the answer.</summary>
    public double? PresencePenalty { get; init; }

    /// <summary>Subtracted from a token's logit for each time that it occurs in the answer.</summary>
    public double? FrequencyPenalty { get; init; }

    /// <summary>Groups of this many tokens never occur twice (<c>no_repeat_ngram_size</c>).</summary>
    public int? NoRepeatNgramSize { get; init; }

    /// <summary>Makes the draws repeatable.</summary>
    public long? Seed { get; init; }

    /// <summary>The most tokens to generate.</summary>
    public int? MaxOutputTokens { get; init; }

    /// <summary>The fewest tokens before the answer may end by itself (<c>min_tokens</c>).</summary>
    public int? MinOutputTokens { get; init; }

    /// <summary>Texts that end the answer when they come up.</summary>
    public IReadOnlyList<string>? StopSequences { get; init; }

    /// <summary>Tokens that end the answer when they come up, and are no part of it (<c>stop_token_ids</c>).</summary>
    public IReadOnlyList<int>? StopTokenIds { get; init; }

    /// <summary>Words that never come up (<c>bad_words</c>).</summary>
    public IReadOnlyList<string>? BadWords { get; init; }

    /// <summary>Added to the logits of tokens, by their ids (<c>logit_bias</c>).</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; init; }

    /// <summary>
    /// The number of the most probable tokens to tell at each position, with the log-probability of each token
    /// (<c>logprobs</c> as true, <c>top_logprobs</c>).
    /// </summary>
    /// <remarks>
    /// They are the entry <c>logprobs</c> of the <c>AdditionalProperties</c> of the last update, and so of the
    /// response's message: a list of <see cref="GeneratedToken"/>. Natural logarithms, of the model's own distribution
    /// before any option of sampling.
    /// </remarks>
    /// <value>None are told.</value>
    public int? LogProbabilities { get; init; }

    /// <summary>
    /// The most tokens of reasoning, after which it is closed (<c>thinking_token_budget</c>); 0 for none at all.
    /// </summary>
    /// <value>
    /// Where <see cref="Microsoft.Extensions.AI.ChatOptions.Reasoning"/> has an effort, a share of the most output
    /// tokens: a quarter and at most 1,024 for low, half and at most 4,096 for medium, three quarters for high, nine
    /// tenths for extra high effort, nothing for none. Else any number.
    /// </value>
    public int? MaxReasoningTokens { get; init; }

    /// <summary>Tells whether generation goes on past end-of-sequence tokens (<c>ignore_eos</c>).</summary>
    public bool? IgnoreEndOfSequence { get; init; }

    /// <summary>Among waiting requests a higher priority goes first (<c>priority</c>).</summary>
    public int? Priority { get; init; }

    /// <summary>The LoRA adapter to answer with (<c>adapter</c>); an empty name for the model alone.</summary>
    /// <value><see cref="OnnxChatClientOptions.Adapter"/>, where the client has one.</value>
    public string? Adapter { get; init; }

    /// <summary>The most tokens to guess ahead and check in one run (<c>prompt_lookup_num_tokens</c>).</summary>
    /// <value><see cref="LanguageModelOptions.DraftTokens"/> of the model.</value>
    public int? DraftTokens { get; init; }

    /// <summary>
    /// Longest time that the request may take, waiting included; then it ends with <see cref="TimeoutException"/>.
    /// </summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>Processors of the caller's own, applied to the logits before sampling.</summary>
    public IReadOnlyList<ILogitsProcessor>? LogitsProcessors { get; init; }

    /// <summary>
    /// Grammar of the answer (<c>guided_regex</c>, <c>guided_choice</c>, <c>guided_grammar</c> in GBNF or
    /// <c>guided_json</c>, a schema).
    /// </summary>
    /// <remarks>
    /// A model that reasons does so freely; the grammar holds after it. Cannot go with tools or a JSON format.
    /// </remarks>
    public GuidanceGrammar? Guidance { get; init; }

    /// <summary>
    /// Tells whether tool calls are held to the offered tools and their schemas (<c>guide_tool_calls</c>).
    /// </summary>
    /// <value><see cref="OnnxChatClientOptions.GuideToolCalls"/>, where the client has one; else true.</value>
    public bool? GuideToolCalls { get; init; }

    /// <summary>
    /// Tells whether tools are described in the prompt where the chat template has no place for them
    /// (<c>describe_tools</c>).
    /// </summary>
    /// <value><see cref="OnnxChatClientOptions.DescribeTools"/>, where the client has one; else true.</value>
    public bool? DescribeTools { get; init; }

    /// <summary>
    /// The source of a chat template, in Jinja, for this request alone (<c>chat_template</c>); formats of calls and of
    /// reasoning are found from it.
    /// </summary>
    /// <value><see cref="OnnxChatClientOptions.ChatTemplate"/>, or the package's own.</value>
    public string? ChatTemplate { get; init; }

    /// <summary>Further variables of the chat template (<c>chat_template_kwargs</c>).</summary>
    public JsonObject? TemplateVariables { get; init; }
}
