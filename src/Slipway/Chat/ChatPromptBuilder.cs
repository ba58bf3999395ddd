using System.Text.Json.Nodes;
using Microsoft.Extensions.AI;
using Slipway.Tokenization;

namespace Slipway.Chat;

/// <summary>Builds the prompt of a chat request, and with it how the answer is generated and read.</summary>
internal static class ChatPromptBuilder
{
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
        var traits = model.Traits(tools is not null) ?? throw new NotSupportedException(
            $"The package of '{modelId}' has no chat template, so it cannot chat. Put the model's "
            + "'chat_template.jinja' into the package folder, or use LanguageModel.GenerateAsync for plain "
            + "completion.");
        var toolFormat = tools is null
            ? null : ToolChoice.RequireFormat(traits, modelId, request.DescribeTools ?? true);
        var reasoning = traits.Reasoning;

        var escape = new MessageEscape(model.ControlTokens, reasoning);
        var prompt = Render(escape);
        if (escape.MetTags)
        {
            prompt = WithTags(prompt);
        }

        var startsInReasoning = reasoning?.IsOpenAtEnd(prompt) == true;
        var budget = ReasoningRequest.Budget(options?.Reasoning?.Effort, request);
        if (startsInReasoning && budget == 0)
        {
            (prompt, startsInReasoning) = (prompt + reasoning!.EndingText, false);
        }

        var parser = new ChatResponseParser(
            reasoning, toolFormat, CallIds(toolFormat, messages), startsInReasoning,
            [.. options?.Tools?.OfType<AIFunctionDeclaration>() ?? []])
        {
            ExpectsDocument = options?.ResponseFormat is ChatResponseFormatJson,
        };
        var forced = ToolChoice.ForcedStart(options, toolFormat);

        // A template may have written the text that opens a call already.
        var opened = toolFormat is { OpenBelongsToBody: false }
            && prompt.EndsWith(toolFormat.Open, StringComparison.Ordinal) ? toolFormat.Open : null;
        if (forced is not null)
        {
            forced = startsInReasoning ? reasoning!.EndingText + forced : forced;
            prompt += forced[(opened?.Length ?? 0)..];
        }

        parser.Append(forced ?? opened ?? "", []);
        var isDocument = options?.ResponseFormat is ChatResponseFormatJson && forced is null
            && (opened is null || toolFormat!.TextStart is not null);
        var guidance = Guidance(
            options, request, toolFormat, reasoning, startsInReasoning, isDocument, forced, opened);

        // They end the text, not the thoughts before it or a call's arguments, which only the parser tells apart.
        var stops = isDocument ? [] : request.StopSequences ?? [];
        var hasParts = reasoning is not null || toolFormat is not null;
        HashSet<string> tags = [.. Tags(reasoning, toolFormat, model.IsSpecial)];
        var generation = new GenerationRequest
        {
            PromptIds = model.EncodePrompt(prompt),
            Sampling = ChatOptionsMapper.ToSampling(request, model.Search) with
            {
                LogitBias = request.LogitBias,
                BadWords = [.. (request.BadWords ?? []).SelectMany(word => Variants(model, word))],
            },
            MaxOutputTokens = request.MaxOutputTokens,
            MinOutputTokens = request.MinOutputTokens ?? 0,
            StopSequences = hasParts ? [] : stops,
            IgnoreEndOfSequence = request.IgnoreEndOfSequence ?? false,
            IncludeSpecialTokens = tags.Any(model.IsSpecial),
            LogitsProcessors =
            [
                .. request.LogitsProcessors ?? [],
                .. guidance is null ? (ILogitsProcessor[])[] : [model.Guide(guidance, tags)],
                .. reasoning is null || budget is null || (forced ?? opened) is not null
                    ? (ILogitsProcessor[])[] : [model.Limit(reasoning, tags, startsInReasoning, budget.Value)],
            ],
            StopTokenIds = request.StopTokenIds ?? [],
            LogProbabilities = request.LogProbabilities,
            Priority = request.Priority ?? 0,
            Adapter = string.IsNullOrEmpty(request.Adapter) ? null : request.Adapter,
            DraftTokens = request.DraftTokens,
            Timeout = request.Timeout,
        };
        return new(model, generation, parser, tags)
        {
            TextStops = hasParts ? stops : [],
            DescribedFormat = tools is not null && ToolChoice.Describes(traits) ? toolFormat!.Name : null,
        };

        string Render(MessageEscape escaping) => model.Render(
            Variables(messages, options, request, tools, traits, toolFormat, escaping), tools is not null, time,
            cancellationToken);

        // Templates that look for thoughts in earlier answers, to drop them, must find their tags. Where a template
        // renders both alike it does not look, and where it refuses the tags they are no thoughts: they are text.
        string WithTags(string escaped)
        {
            try
            {
                var rendered = Render(new(model.ControlTokens, reasoning) { LeavesTags = true });
                var isSame = ControlTokens.Unescape(rendered) == ControlTokens.Unescape(escaped);
                return isSame ? escaped : rendered;
            }
            catch (ChatTemplateException)
            {
                return escaped;
            }
        }
    }

    private static JsonObject Variables(
        IReadOnlyList<ChatMessage> messages,
        ChatOptions? options,
        OnnxChatRequestOptions request,
        JsonArray? tools,
        TemplateTraits traits,
        ToolCallFormat? toolFormat,
        MessageEscape escape)
    {
        var variables = new JsonObject
        {
            ["messages"] = TemplateMessages.From(messages, options?.Instructions, traits, escape),
            ["add_generation_prompt"] = true,
        };
        if (tools is not null)
        {
            AddTools(variables, (JsonArray)escape.Node(tools)!, traits, toolFormat!);
        }
        else if (!traits.TakesNoTools)
        {
            traits.Tools!.Put(variables, []);
        }

        ReasoningRequest.AddTo(variables, options?.Reasoning?.Effort);
        foreach (var (name, value) in request.TemplateVariables ?? [])
        {
            variables[name] = escape.Node(
                TemplateValues.ToNode(value, $"The template variable '{Excerpt.Of(name)}'"));
        }

        return variables;
    }

    private static ResponseGuidance? Guidance(
        ChatOptions? options,
        OnnxChatRequestOptions request,
        ToolCallFormat? toolFormat,
        ReasoningFormat? reasoning,
        bool startsInReasoning,
        bool isDocument,
        string? forced,
        string? opened)
    {
        if (request.Guidance is { } grammar)
        {
            return ResponseGuidance.From(grammar, options, request, startsInReasoning ? reasoning?.Close : null);
        }

        var calls = toolFormat is null || request.GuideToolCalls == false
            ? null
            : ToolCallGrammar.From(options!, toolFormat, reasoning, startsInReasoning);

        // A call that is required is no document of the response format.
        return isDocument
            ? ResponseGuidance.From(options, request, toolFormat, reasoning, startsInReasoning, calls, opened)
            : calls?.ToGuidance(forced ?? opened ?? "");
    }

    private static void AddTools(
        JsonObject variables, JsonArray tools, TemplateTraits traits, ToolCallFormat format)
    {
        if (!ToolChoice.Describes(traits))
        {
            traits.Tools!.Put(variables, traits.TakesAnySchema ? tools : PlainSchema.Of(tools));
            return;
        }

        FallbackTools.AddToSystem(
            (JsonArray)variables["messages"]!, FallbackTools.Describe(tools, format), traits.RendersSystem);
    }

    // A word at the start of a text, and the same word after a blank.
    private static IEnumerable<IReadOnlyList<int>> Variants(IChatModel model, string word)
        => new[] { word, $" {word}" }.Select(model.Encode).Where(ids => ids.Count > 0);

    private static IEnumerable<string> Tags(
        ReasoningFormat? reasoning, ToolCallFormat? tools, Func<string, bool> isSpecial)
    {
        string[] texts = [.. TemplateFormats.AnswerTexts(reasoning, tools)];
        return texts.Where(isSpecial).Concat(SpecialTokens.In(texts));
    }

    // Mistral's templates accept ids of exactly nine letters and digits; all others but those of a family accept them.
    private static Func<string, string> CallIds(ToolCallFormat? format, IReadOnlyList<ChatMessage> messages)
    {
        var index = messages.Sum(message => message.Contents.OfType<FunctionCallContent>().Count());
        return name => format?.CallId(name, index++) ?? Guid.NewGuid().ToString("N")[..9];
    }
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

    /// <summary>Stop sequences of the answer's text; the engine's request has those of the whole answer.</summary>
    public IReadOnlyList<string> TextStops { get; init; } = [];

    /// <summary>The format of calls where a prompt of this client's own describes the tools; else null.</summary>
    public string? DescribedFormat { get; init; }

    /// <summary>The text of a token without special tokens that are no tags of the answer's.</summary>
    public string Visible(GeneratedToken token)
        => Request.IncludeSpecialTokens
            && model.SpecialText(token.Id) is { } special
            && !tags.Contains(special)
            && token.Text.EndsWith(special, StringComparison.Ordinal)
                ? token.Text[..^special.Length]
                : token.Text;
}
