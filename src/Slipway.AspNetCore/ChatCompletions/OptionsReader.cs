using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Turns the parameters of a request into the options of a chat client, each checked.</summary>
internal static class OptionsReader
{
    private const int MaxStops = 4, MaxTools = 128, MaxAnswers = 128, MaxAlternatives = 20;

    /// <summary>Reads the options.</summary>
    /// <param name="request">The request.</param>
    /// <param name="adapter">The adapter that the model's name names; null for none.</param>
    /// <exception cref="OpenAIException">A parameter is out of range or is not served.</exception>
    public static ChatOptions Read(ChatCompletionRequest request, string? adapter)
    {
        Check(request);
        var choice = ToolChoice.Read(
            request.ToolChoice, [.. (request.Tools ?? []).Select(tool => tool.Function?.Name).OfType<string>()],
            nests: true);
        return new ChatOptions
        {
            Temperature = (float?)request.Temperature,
            TopP = TopP(request.TopP),
            MaxOutputTokens = request.MaxCompletionTokens ?? request.MaxTokens,
            PresencePenalty = (float?)request.PresencePenalty,
            FrequencyPenalty = (float?)request.FrequencyPenalty,
            Seed = request.Seed,
            StopSequences = Stops(request.Stop, "stop", MaxStops),
            Tools = choice.Of(request.Tools?.Select(Tool)),
            ToolMode = choice.Mode,
            AllowMultipleToolCalls = request.ParallelToolCalls,
            ResponseFormat = Format(request.ResponseFormat),
            Reasoning = Effort(request.ReasoningEffort) is { } effort ? new() { Effort = effort } : null,
            AdditionalProperties = Extras(request, adapter),
        };
    }

    /// <summary>Reads texts that end an answer: one, or several.</summary>
    /// <exception cref="OpenAIException">They are of another type, empty, or too many.</exception>
    public static List<string>? Stops(JsonElement stop, string path, int max)
    {
        switch (stop.ValueKind)
        {
            case JsonValueKind.Undefined or JsonValueKind.Null:
                return null;
            case JsonValueKind.String:
                return [Text(stop, path)];
            case JsonValueKind.Array:
                Require.Count(stop.GetArrayLength(), 0, max, path);
                return [.. stop.EnumerateArray().Select((item, index) => Text(item, $"{path}[{index}]"))];
            default:
                throw OpenAIException.InvalidType(path, JsonShape.KindOf(stop), "a string or an array of strings");
        }

        static string Text(JsonElement item, string path) => item.ValueKind != JsonValueKind.String
            ? throw OpenAIException.InvalidType(path, JsonShape.KindOf(item), "a string")
            : item.GetString() is { Length: > 0 } text ? text
            : throw OpenAIException.InvalidValue(path, "", "a text of at least one character");
    }

    /// <summary>Reads a share; zero keeps the most probable token alone, as the smallest one does.</summary>
    public static float? TopP(double? share) => share == 0 ? float.Epsilon : (float?)share;

    /// <summary>Reads how much a model is to reason.</summary>
    /// <exception cref="OpenAIException">The word is unknown.</exception>
    public static ReasoningEffort? Effort(string? effort, string path = "reasoning_effort") => effort switch
    {
        null => null,
        "none" => ReasoningEffort.None,
        "minimal" or "low" => ReasoningEffort.Low,
        "medium" => ReasoningEffort.Medium,
        "high" => ReasoningEffort.High,
        "xhigh" or "max" => ReasoningEffort.ExtraHigh,
        _ => throw OpenAIException.InvalidValue(
            path, effort, "one of 'none', 'minimal', 'low', 'medium', 'high', 'xhigh' and 'max'"),
    };

    private static void Check(ChatCompletionRequest request)
    {
        Require.InRange(request.Temperature, 0, 2, "temperature");
        Require.InRange(request.TopP, 0, 1, "top_p");
        Require.InRange(request.N, 1, MaxAnswers, "n");
        Require.InRange(request.MaxTokens, 1, int.MaxValue, "max_tokens");
        Require.InRange(request.MaxCompletionTokens, 1, int.MaxValue, "max_completion_tokens");
        Require.InRange(request.PresencePenalty, -2, 2, "presence_penalty");
        Require.InRange(request.FrequencyPenalty, -2, 2, "frequency_penalty");
        Require.InRange(request.TopLogprobs, 0, MaxAlternatives, "top_logprobs");

        Together(request.TopLogprobs is not null && request.Logprobs != true, "top_logprobs", "'logprobs' set");
        Together(
            request is { MaxTokens: not null, MaxCompletionTokens: not null }, "max_tokens",
            "'max_completion_tokens' left out");
        Together(request is { StreamOptions: not null, Stream: not true }, "stream_options", "'stream' set");
        Together(
            request.ToolChoice.IsGiven()
                && request.Tools is not { Count: > 0 },
            "tool_choice", "'tools' given");
        Together(
            request.ParallelToolCalls is not null && request.Tools is not { Count: > 0 }, "parallel_tool_calls",
            "'tools' given");
        Require.Count(request.Tools?.Count ?? 0, 0, MaxTools, "tools");
        if (request.Modalities?.FirstOrDefault(kind => kind != "text") is { } modality)
        {
            throw OpenAIException.InvalidValue("modalities", modality, "'text' alone");
        }

        CheckShared(request.ServiceTier, request.Metadata, request.PromptCacheRetention);
        CheckVerbosity(request.Verbosity, "verbosity");
        Require.Absent(request.Store == true, "store", "Answers are kept by '/v1/responses'.");
        Require.Absent(request.Audio.IsGiven(), "audio", "Answers are texts.");
        Require.Absent(request.Functions.IsGiven(), "functions", "Send 'tools' instead.");
        Require.Absent(request.FunctionCall.IsGiven(), "function_call", "Send 'tool_choice' instead.");
        Require.Absent(request.WebSearchOptions.IsGiven(), "web_search_options", "Offer a tool that searches.");
        Require.Absent(request.Moderation.IsGiven(), "moderation", "Ask a model that moderates.");
    }

    /// <summary>Checks what all APIs have and nothing here depends on.</summary>
    /// <exception cref="OpenAIException">A value is none of those that the API has.</exception>
    public static void CheckShared(
        string? serviceTier, IReadOnlyDictionary<string, string>? metadata, string? promptCacheRetention)
    {
        Require.OneOf(serviceTier, "service_tier", "auto", "default", "flex", "scale", "priority");
        Require.OneOf(promptCacheRetention, "prompt_cache_retention", "in_memory", "in-memory", "24h");
        Require.Metadata(metadata, "metadata");
    }

    /// <summary>Checks how long texts are to be: as a model likes, which is what the API's default says.</summary>
    /// <exception cref="OpenAIException">The word is unknown, or another one.</exception>
    public static void CheckVerbosity(string? verbosity, string path)
    {
        Require.OneOf(verbosity, path, "low", "medium", "high");
        if (verbosity is not (null or "medium"))
        {
            throw new OpenAIException(
                400, $"'{path}' is '{verbosity}'; models here know 'medium' alone. Say it in a message.", path,
                "unsupported_value");
        }
    }

    private static void Together(bool isWrong, string param, string expected)
    {
        if (isWrong)
        {
            throw new OpenAIException(
                400, $"'{param}' is only taken with {expected}.", param, "invalid_parameter_combination");
        }
    }

    private static AITool Tool(RequestTool tool, int index)
    {
        var path = $"tools[{index}]";
        if (tool.Type != "function")
        {
            throw OpenAIException.InvalidValue($"{path}.type", tool.Type, "'function'");
        }

        var function = tool.Function ?? throw OpenAIException.Missing($"{path}.function");
        return FunctionReader.Read(
            function.Name, function.Description, function.Parameters, $"{path}.function");
    }

    private static ChatResponseFormat? Format(ResponseFormat? format)
    {
        const string path = "response_format";
        switch (format?.Type)
        {
            case null:
                return null;
            case "text":
                return ChatResponseFormat.Text;
            case "json_object":
                return ChatResponseFormat.Json;
            case "json_schema":
                var schema = format.JsonSchema ?? throw OpenAIException.Missing($"{path}.json_schema");
                return FunctionReader.Schema(
                    schema.Name, schema.Description, schema.Schema, $"{path}.json_schema");
            default:
                throw OpenAIException.InvalidValue(
                    $"{path}.type", format.Type, "one of 'text', 'json_object' and 'json_schema'");
        }
    }

    private static AdditionalPropertiesDictionary? Extras(ChatCompletionRequest request, string? adapter)
    {
        var extras = new AdditionalPropertiesDictionary();
        Add("top_k", request.TopK);
        Add("min_p", request.MinP);
        Add("typical_p", request.TypicalP);
        Add("repetition_penalty", request.RepetitionPenalty);
        Add("no_repeat_ngram_size", request.NoRepeatNgramSize);
        Add("min_tokens", request.MinTokens);
        Add("stop_token_ids", request.StopTokenIds);
        Add("bad_words", request.BadWords);
        Add("ignore_eos", request.IgnoreEos);
        Add("priority", request.Priority);
        Add("thinking_token_budget", request.ThinkingTokenBudget);
        Add("enable_thinking", request.EnableThinking);
        Add("chat_template_kwargs", request.ChatTemplateKwargs);
        Add("guided_json", request.GuidedJson);
        Add("guided_regex", request.GuidedRegex);
        Add("guided_choice", request.GuidedChoice);
        Add("guided_grammar", request.GuidedGrammar);
        if (LogitBias.Read(request.LogitBias) is { } biases)
        {
            extras["logit_bias"] = biases;
        }

        if (request.Logprobs == true)
        {
            extras["logprobs"] = true;
            extras["top_logprobs"] = request.TopLogprobs ?? 0;
        }

        if (adapter is not null)
        {
            extras["adapter"] = adapter;
        }

        return extras.Count == 0 ? null : extras;

        void Add(string key, JsonElement value)
        {
            if (value.IsGiven())
            {
                extras[key] = value;
            }
        }
    }
}
