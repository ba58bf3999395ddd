using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Packaging;

namespace Slipway.Chat;

/// <summary>
/// Brings the sources of a request's options together: own type, chat options, additional properties.
/// </summary>
internal static class ChatOptionsMapper
{
    /// <summary>Merges the options without changing any of them.</summary>
    /// <exception cref="ArgumentException">A value cannot be; the message names every one.</exception>
    /// <exception cref="NotSupportedException">An option cannot be honoured.</exception>
    public static OnnxChatRequestOptions Merge(ChatOptions? options, IChatClient client, string modelId)
    {
        if (options is null)
        {
            return new();
        }

        Refuse(options, modelId);
        RefuseSeveral(new(options.AdditionalProperties));
        var own = options.RawRepresentationFactory?.Invoke(client) as OnnxChatRequestOptions ?? new();
        var extra = new AdditionalOptions(options.AdditionalProperties);
        var merged = own with
        {
            Temperature = own.Temperature ?? options.Temperature ?? extra.Number("temperature"),
            TopK = own.TopK ?? options.TopK ?? extra.Integer("top_k"),
            TopP = own.TopP ?? options.TopP ?? extra.Number("top_p"),
            MinP = own.MinP ?? extra.Number("min_p"),
            TypicalP = own.TypicalP ?? extra.Number("typical_p"),
            RepetitionPenalty = own.RepetitionPenalty ?? extra.Number("repetition_penalty"),
            PresencePenalty = own.PresencePenalty ?? options.PresencePenalty ?? extra.Number("presence_penalty"),
            FrequencyPenalty = own.FrequencyPenalty ?? options.FrequencyPenalty
                ?? extra.Number("frequency_penalty"),
            NoRepeatNgramSize = own.NoRepeatNgramSize ?? extra.Integer("no_repeat_ngram_size"),
            Seed = own.Seed ?? options.Seed ?? extra.Long("seed"),
            MaxOutputTokens = own.MaxOutputTokens ?? options.MaxOutputTokens
                ?? extra.Integer("max_completion_tokens") ?? extra.Integer("max_tokens"),
            MinOutputTokens = own.MinOutputTokens ?? extra.Integer("min_tokens"),
            StopSequences = own.StopSequences ?? options.StopSequences?.ToArray() ?? extra.Texts("stop"),
            StopTokenIds = own.StopTokenIds ?? extra.Integers("stop_token_ids"),
            BadWords = own.BadWords ?? extra.Texts("bad_words"),
            LogitBias = own.LogitBias ?? extra.Biases("logit_bias"),
            LogProbabilities = own.LogProbabilities ?? LogProbabilities(extra),
            MaxReasoningTokens = own.MaxReasoningTokens ?? extra.Integer("thinking_token_budget")
                ?? extra.Integer("thinking_budget"),
            IgnoreEndOfSequence = own.IgnoreEndOfSequence ?? extra.Boolean("ignore_eos"),
            Priority = own.Priority ?? extra.Integer("priority"),
            Adapter = own.Adapter ?? extra.Text("adapter"),
            Guidance = own.Guidance ?? Guidance(extra),
            DraftTokens = own.DraftTokens ?? extra.Integer("prompt_lookup_num_tokens"),
            GuideToolCalls = own.GuideToolCalls ?? extra.Boolean("guide_tool_calls"),
            DescribeTools = own.DescribeTools ?? extra.Boolean("describe_tools"),
            ChatTemplate = own.ChatTemplate ?? extra.Text("chat_template"),
            TemplateVariables = own.TemplateVariables ?? TemplateVariables(extra),
        };
        Validate(merged);
        return merged;
    }

    /// <summary>Fills what the request leaves open with the package's defaults.</summary>
    /// <remarks>A request that sets any of temperature, top-k, top-p, min-p or typical-p samples.</remarks>
    public static SamplingOptions ToSampling(OnnxChatRequestOptions options, GenAISearch search)
    {
        var samples = search.DoSample
            || (options.TopK ?? 1) != 1
            || (options.TopP ?? options.MinP ?? options.TypicalP) is not null;
        var temperature = options.Temperature ?? (samples ? search.Temperature : 0);
        return new()
        {
            Temperature = temperature,
            TopK = temperature == 0 ? 0 : options.TopK ?? search.TopK,
            TopP = temperature == 0 ? 1 : options.TopP ?? search.TopP,
            MinP = temperature == 0 ? 0 : options.MinP ?? 0,
            TypicalP = temperature == 0 ? 1 : options.TypicalP ?? 1,
            RepetitionPenalty = options.RepetitionPenalty ?? search.RepetitionPenalty,
            PresencePenalty = options.PresencePenalty ?? 0,
            FrequencyPenalty = options.FrequencyPenalty ?? 0,
            NoRepeatNgramSize = options.NoRepeatNgramSize ?? search.NoRepeatNgramSize,
            Seed = options.Seed,
        };
    }

    private static GuidanceGrammar? Guidance(AdditionalOptions extra)
    {
        GuidanceGrammar?[] given =
        [
            extra.Text("guided_regex") is { } pattern ? GuidanceGrammar.Regex(pattern) : null,
            extra.Texts("guided_choice") is { } choices ? GuidanceGrammar.Choice(choices) : null,
            extra.Text("guided_grammar") is { } grammar ? GuidanceGrammar.Gbnf(grammar) : null,
            extra.Json("guided_json") is { } schema ? GuidanceGrammar.JsonSchema(schema) : null,
        ];
        return given.Count(grammar => grammar is not null) <= 1
            ? Array.Find(given, grammar => grammar is not null)
            : throw new ArgumentException(
                "ChatOptions.AdditionalProperties has several of 'guided_regex', 'guided_choice', 'guided_grammar' and "
                + "'guided_json'; an answer can be held to one. Leave the others out.");
    }

    // A number of alternatives counts only where log-probabilities are asked for, as in OpenAI's API.
    private static int? LogProbabilities(AdditionalOptions extra)
        => extra.Count("logprobs") is { } count ? extra.Integer("top_logprobs") ?? count : null;

    // Variables that callers of other servers also give without 'chat_template_kwargs'.
    private static JsonObject? TemplateVariables(AdditionalOptions extra)
    {
        var variables = extra.Object("chat_template_kwargs") ?? [];
        if (extra.Boolean("enable_thinking") is { } thinks)
        {
            variables.TryAdd("enable_thinking", thinks);
        }

        if (extra.Text("reasoning_effort") is { } effort)
        {
            variables.TryAdd("reasoning_effort", effort);
        }

        return variables.Count == 0 ? null : variables;
    }

    private static void RefuseSeveral(AdditionalOptions extra)
    {
        foreach (var key in (string[])["n", "best_of"])
        {
            if (extra.Integer(key) is { } count and not 1)
            {
                throw new NotSupportedException(
                    $"ChatOptions.AdditionalProperties['{key}'] is '{count}', but a response of this client is one "
                    + "answer. Leave it out, and send the request as often as answers are wanted; what was computed "
                    + "for its prompt is reused.");
            }
        }
    }

    private static void Refuse(ChatOptions options, string modelId)
    {
        if (options.ConversationId is { } conversation)
        {
            throw new NotSupportedException(
                $"ChatOptions.ConversationId is '{Excerpt.Of(conversation)}', but this client keeps no conversations. "
                + "Leave it null and send the whole history with each request; what was computed for it before is "
                + "reused.");
        }

        if (options.ModelId is { } model && model != modelId)
        {
            throw new NotSupportedException(
                $"ChatOptions.ModelId is '{Excerpt.Of(model)}'; this client serves '{modelId}' only. Leave it null, or "
                + "register a client of its own for each model, by key.");
        }

#pragma warning disable MEAI001 // Experimental; looked at only to refuse it.
        if (options.ContinuationToken is not null)
        {
            throw new NotSupportedException(
                "ChatOptions.ContinuationToken is set, but this client runs nothing in the background that could be "
                + "resumed. Send the request again without it.");
        }
#pragma warning restore MEAI001
    }

    private static void Validate(OnnxChatRequestOptions options)
    {
        var errors = new List<string>();
        Check(options.Temperature, value => value is >= 0 and < double.PositiveInfinity, "Temperature", "0 or more");
        Check(options.TopK, value => value >= 0, "TopK", "0 or more");
        Check(options.TopP, value => value is > 0 and <= 1, "TopP", "above 0 and at most 1");
        Check(options.MinP, value => value is >= 0 and <= 1, "min_p", "from 0 to 1");
        Check(options.TypicalP, value => value is > 0 and <= 1, "typical_p", "above 0 and at most 1");
        Check(
            options.RepetitionPenalty,
            value => value is > 0 and < double.PositiveInfinity,
            "repetition_penalty",
            "above 0");
        Check(options.PresencePenalty, double.IsFinite, "PresencePenalty", "a finite number");
        Check(options.FrequencyPenalty, double.IsFinite, "FrequencyPenalty", "a finite number");
        Check(options.NoRepeatNgramSize, value => value >= 0, "no_repeat_ngram_size", "0 or more");
        Check(options.MaxOutputTokens, value => value >= 1, "MaxOutputTokens", "1 or more");
        Check(options.MinOutputTokens, value => value >= 0, "min_tokens", "0 or more");
        Check(options.LogProbabilities, value => value is >= 0 and <= 100, "top_logprobs", "from 0 to 100");
        Check(options.MaxReasoningTokens, value => value >= 0, "thinking_token_budget", "0 or more");
        Check(
            options.DraftTokens,
            value => value is >= 0 and <= LanguageModelOptions.LongestDraft,
            "prompt_lookup_num_tokens",
            $"from 0 to {LanguageModelOptions.LongestDraft}");
        if (options.StopSequences?.Any(string.IsNullOrEmpty) == true)
        {
            errors.Add("'StopSequences' holds an empty text; expected texts of at least one character.");
        }

        if (options.LogitsProcessors?.Any(processor => processor is null) == true)
        {
            errors.Add("'LogitsProcessors' holds a null; expected processors.");
        }

        if (errors.Count > 0)
        {
            throw new ArgumentException(string.Join(' ', errors), nameof(options));
        }

        void Check<T>(T? value, Func<T, bool> isValid, string name, string expected)
            where T : struct
        {
            if (value is { } given && !isValid(given))
            {
                errors.Add(FormattableString.Invariant($"'{name}' is '{given}'; expected {expected}."));
            }
        }
    }
}
