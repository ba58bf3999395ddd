using Microsoft.Extensions.AI;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Responses;

/// <summary>Turns the parameters of a request into the options of a chat client, each checked.</summary>
internal static class ResponseOptions
{
    private const int MaxTools = 128, MaxAlternatives = 20;
    private const string Logprobs = "message.output_text.logprobs";

    // Those of the published API; what the tools of its own would tell, nothing here has.
    private static readonly string[] Includable =
    [
        Logprobs, "reasoning.encrypted_content", "message.input_image.image_url", "file_search_call.results",
        "web_search_call.results", "web_search_call.action.sources", "code_interpreter_call.outputs",
        "computer_call_output.output.image_url",
    ];

    private static readonly string[] Summaries = ["auto", "concise", "detailed"];

    /// <summary>Tells whether a response is to hold the log-probabilities of its texts.</summary>
    public static bool HasLogprobs(ResponseRequest request) => request.Include?.Contains(Logprobs) == true;

    /// <summary>Reads the options.</summary>
    /// <param name="request">The request.</param>
    /// <param name="adapter">The adapter that the model's name names; null for none.</param>
    /// <exception cref="OpenAIException">A parameter is out of range or is not served.</exception>
    public static ChatOptions Read(ResponseRequest request, string? adapter)
    {
        Check(request);
        var choice = ReadChoice(request);
        return new ChatOptions
        {
            Instructions = request.Instructions,
            Temperature = (float?)request.Temperature,
            TopP = OptionsReader.TopP(request.TopP),
            MaxOutputTokens = request.MaxOutputTokens,
            Tools = choice.Of(request.Tools?.Select(Tool)),
            ToolMode = choice.Mode,
            AllowMultipleToolCalls = request.Tools is { Count: > 0 } ? request.ParallelToolCalls : null,
            ResponseFormat = Format(request.Text?.Format),
            Reasoning = OptionsReader.Effort(request.Reasoning?.Effort, "reasoning.effort") is { } effort
                ? new() { Effort = effort } : null,
            AdditionalProperties = Extras(request, adapter),
        };
    }

    private static AdditionalPropertiesDictionary? Extras(ResponseRequest request, string? adapter)
    {
        var extras = new AdditionalPropertiesDictionary();
        if (adapter is not null)
        {
            extras["adapter"] = adapter;
        }

        if (HasLogprobs(request))
        {
            extras["logprobs"] = true;
            extras["top_logprobs"] = request.TopLogprobs ?? 0;
        }

        return extras.Count == 0 ? null : extras;
    }

    private static void Check(ResponseRequest request)
    {
        Require.InRange(request.Temperature, 0, 2, "temperature");
        Require.InRange(request.TopP, 0, 1, "top_p");
        Require.InRange(request.MaxOutputTokens, 1, int.MaxValue, "max_output_tokens");
        Require.Count(request.Tools?.Count ?? 0, 0, MaxTools, "tools");
        Require.Absent(request.Background == true, "background", "Wait for the response, or stream it.");
        Require.Absent(request.Conversation.IsGiven(), "conversation", "Send 'previous_response_id'.");
        Require.Absent(request.Prompt.IsGiven(), "prompt", "Send 'instructions' and 'input'.");
        Require.Absent(request.MaxToolCalls.IsGiven(), "max_tool_calls", "Tools are called by the client.");
        Require.Absent(request.ContextManagement.IsGiven(), "context_management", "Send 'truncation'.");
        Require.Absent(request.Moderation.IsGiven(), "moderation", "Ask a model that moderates.");
        Require.InRange(request.TopLogprobs, 0, MaxAlternatives, "top_logprobs");
        foreach (var (index, part) in (request.Include ?? []).Index())
        {
            if (!Includable.Contains(part))
            {
                throw OpenAIException.InvalidValue(
                    $"include[{index}]", part, $"one of {string.Join(", ", Includable.Select(one => $"'{one}'"))}");
            }
        }

        if (request.TopLogprobs is not null && !HasLogprobs(request))
        {
            throw new OpenAIException(
                400, $"'top_logprobs' is only taken with '{Logprobs}' in 'include'.", "top_logprobs",
                "invalid_parameter_combination");
        }

        if (request is { StreamOptions: not null, Stream: not true })
        {
            throw new OpenAIException(
                400, "'stream_options' is only taken with 'stream' set.", "stream_options",
                "invalid_parameter_combination");
        }

        Require.OneOf(request.Truncation, "truncation", "auto", "disabled");
        Require.OneOf(request.Reasoning?.Summary, "reasoning.summary", Summaries);
        Require.OneOf(request.Reasoning?.GenerateSummary, "reasoning.generate_summary", Summaries);
        OptionsReader.CheckShared(request.ServiceTier, request.Metadata, request.PromptCacheRetention);
        OptionsReader.CheckVerbosity(request.Text?.Verbosity, "text.verbosity");
    }

    private static AITool Tool(ResponseTool tool, int index)
    {
        var path = $"tools[{index}]";
        return tool.Type != "function"
            ? throw OpenAIException.InvalidValue($"{path}.type", tool.Type, "'function'")
            : FunctionReader.Read(
                tool.Name ?? throw OpenAIException.Missing($"{path}.name"), tool.Description,
                tool.Parameters ?? default, path);
    }

    // Clients send 'auto' and 'none' without tools too.
    private static ToolChoice ReadChoice(ResponseRequest request)
    {
        var choice = ToolChoice.Read(
            request.ToolChoice, [.. (request.Tools ?? []).Select(tool => tool.Name).OfType<string>()], nests: false);
        return request.Tools is { Count: > 0 } ? choice
            : choice.Mode is RequiredChatToolMode ? throw new OpenAIException(
                400, "'tool_choice' is only taken with 'tools' given.", "tool_choice", "invalid_parameter_combination")
            : new(Mode: null);
    }

    private static ChatResponseFormat? Format(ResponseTextFormat? format)
    {
        const string path = "text.format";
        return format?.Type switch
        {
            null => null,
            "text" => ChatResponseFormat.Text,
            "json_object" => ChatResponseFormat.Json,
            "json_schema" => FunctionReader.Schema(
                format.Name ?? throw OpenAIException.Missing($"{path}.name"), format.Description,
                format.Schema ?? default, path),
            _ => throw OpenAIException.InvalidValue(
                $"{path}.type", format.Type, "one of 'text', 'json_object' and 'json_schema'"),
        };
    }
}
