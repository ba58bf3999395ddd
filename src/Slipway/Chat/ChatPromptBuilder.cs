using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;

namespace Slipway.Chat;

/// <summary>Builds the prompt of a chat request, and with it how the answer is generated and read.</summary>
internal static class ChatPromptBuilder
{
    private const string Alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// <summary>Prepares a request.</summary>
    /// <exception cref="NotSupportedException">The package cannot do what the options ask.</exception>
    /// <exception cref="OperationCanceledException">The request was cancelled while the template ran.</exception>
    public static PreparedChatRequest Build(
        IChatModel model,
        IReadOnlyList<ChatMessage> messages,
        ChatOptions? options,
        OnnxChatRequestOptions request,
        string modelId,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        var tools = TemplateTools.From(options);
        var template = model.TemplateSource(tools is not null) ?? throw new NotSupportedException(
            $"The package of '{modelId}' has no chat template, so it cannot chat. Put the model's "
            + "'chat_template.jinja' into the package folder, or use LanguageModel.GenerateAsync for plain "
            + "completion.");
        var toolFormat = tools is null ? null : ToolChoice.RequireFormat(template, modelId);
        var reasoning = ReasoningFormats.For(template);

        var variables = new JsonObject
        {
            ["messages"] = TemplateMessages.From(messages, options?.Instructions),
            ["add_generation_prompt"] = true,
        };
        if (tools is not null)
        {
            variables["tools"] = tools;
        }

        AddReasoning(variables, options?.Reasoning);
        foreach (var (name, value) in request.TemplateVariables ?? [])
        {
            variables[name] = TemplateValues.ToNode(value, $"The template variable '{Excerpt.Of(name)}'");
        }

        var prompt = model.Render(variables, time, cancellationToken);
        var startsInReasoning = reasoning?.IsOpenAtEnd(prompt) == true;
        var parser = new ChatResponseParser(reasoning, toolFormat, NewCallId, startsInReasoning);
        var forced = ToolChoice.ForcedStart(options, toolFormat);
        if (forced is not null)
        {
            forced = startsInReasoning ? $"\n{reasoning!.Close}\n\n{forced}" : forced;
            prompt += forced;
            parser.Append(forced, []);
        }

        var guidance = Guidance(options, request, toolFormat, reasoning, startsInReasoning, forced);
        HashSet<string> tags = [];
        tags.UnionWith(reasoning is null ? [] : [reasoning.Open, reasoning.Close]);
        tags.UnionWith(toolFormat is null ? [] : [toolFormat.Open, .. toolFormat.FurtherTags]);
        var generation = new GenerationRequest
        {
            PromptIds = model.Encode(prompt),
            Sampling = ChatOptionsMapper.ToSampling(request, model.Search),
            MaxOutputTokens = request.MaxOutputTokens,
            MinOutputTokens = request.MinOutputTokens ?? 0,
            StopSequences = options?.ResponseFormat is ChatResponseFormatJson && forced is null
                ? [] : request.StopSequences ?? [],
            IgnoreEndOfSequence = request.IgnoreEndOfSequence ?? false,
            IncludeSpecialTokens = tags.Any(model.IsSpecial),
            LogitsProcessors = guidance is null
                ? request.LogitsProcessors ?? []
                : [.. request.LogitsProcessors ?? [], model.Guide(guidance, tags)],
            Priority = request.Priority ?? 0,
            Adapter = string.IsNullOrEmpty(request.Adapter) ? null : request.Adapter,
            DraftTokens = request.DraftTokens,
            Timeout = request.Timeout,
        };
        return new(model, generation, parser, tags);
    }

    private static ResponseGuidance? Guidance(
        ChatOptions? options,
        OnnxChatRequestOptions request,
        ToolCallFormat? toolFormat,
        ReasoningFormat? reasoning,
        bool startsInReasoning,
        string? forced)
    {
        if (request.Guidance is { } grammar)
        {
            return ResponseGuidance.From(grammar, options, request, startsInReasoning ? reasoning?.Close : null);
        }

        var calls = toolFormat is null || request.GuideToolCalls == false
            ? null
            : ToolCallGrammar.From(options!, toolFormat, reasoning, startsInReasoning);

        // A call that is required is no document of the response format.
        var response = forced is null
            ? ResponseGuidance.From(options, request, toolFormat, reasoning, startsInReasoning, calls)
            : null;
        return response ?? calls?.ToGuidance(forced ?? "");
    }

    private static void AddReasoning(JsonObject variables, ReasoningOptions? reasoning)
    {
        if (reasoning?.Effort is not { } effort)
        {
            return;
        }

        variables["enable_thinking"] = effort != ReasoningEffort.None;
        variables["thinking"] = effort != ReasoningEffort.None;
        variables["reasoning_effort"] = effort switch
        {
            ReasoningEffort.None => "none",
            ReasoningEffort.Low => "low",
            ReasoningEffort.Medium => "medium",
            _ => "high",
        };
    }

    // Mistral's templates accept ids of exactly nine letters and digits; all others accept those too.
    private static string NewCallId() => RandomNumberGenerator.GetString(Alphanumeric, 9);
}

/// <summary>One request, ready to run: the prompt, how to generate, and how to read the answer.</summary>
/// <param name="model">The model that runs it.</param>
/// <param name="request">What the engine is asked for.</param>
/// <param name="parser">Reads the answer; the forced start of a call is read already.</param>
/// <param name="tags">Special tokens that count as text.</param>
internal sealed class PreparedChatRequest(
    IChatModel model, GenerationRequest request, ChatResponseParser parser, IReadOnlySet<string> tags)
{
    /// <summary>The engine's request.</summary>
    public GenerationRequest Request => request;

    /// <summary>The answer's parser.</summary>
    public ChatResponseParser Parser => parser;

    /// <summary>The text of a token without special tokens that are no tags of the answer's.</summary>
    public string Visible(GeneratedToken token)
        => Request.IncludeSpecialTokens
            && model.SpecialText(token.Id) is { } special
            && !tags.Contains(special)
            && token.Text.EndsWith(special, StringComparison.Ordinal)
                ? token.Text[..^special.Length]
                : token.Text;
}
