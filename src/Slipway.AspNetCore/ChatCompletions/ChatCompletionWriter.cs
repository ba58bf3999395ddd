using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Writes answers as the API has them, whole or in parts.</summary>
/// <remarks>A call that was cut before its name is the text that was written of it.</remarks>
/// <param name="id">The response's id.</param>
/// <param name="created">The time of the response, in seconds since 1970.</param>
/// <param name="model">The model's name as the request has it.</param>
/// <param name="logprobs">Writes log-probabilities; null where none are asked for.</param>
/// <param name="tellsUsage">Whether parts have a member for usage.</param>
/// <param name="tier">How the request is served; null where it asks for no tier.</param>
internal sealed class ChatCompletionWriter(
    string id, long created, string model, LogprobWriter? logprobs, bool tellsUsage, string? tier = null)
{
    private static readonly JsonSerializerOptions Compact = new(AIJsonUtilities.DefaultOptions)
    {
        WriteIndented = false, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>Writes whole answers.</summary>
    public ChatCompletion Whole(IReadOnlyList<ChatResponse> responses) => new(
        id, created, model, [.. responses.Select(Choice)],
        TokenUsage.Of([.. responses.Select(response => response.Usage).OfType<UsageDetails>()]), tier);

    /// <summary>Writes what begins an answer.</summary>
    public ChatCompletionChunk Begin(StreamedAnswer answer)
        => Part(answer, new ChunkDelta(Role: "assistant", Content: ""));

    /// <summary>Writes what an update adds.</summary>
    public IEnumerable<ChatCompletionChunk> Parts(StreamedAnswer answer, ChatResponseUpdate update)
    {
        answer.FinishReason = update.FinishReason ?? answer.FinishReason;
        var tokens = update.RawRepresentation is IReadOnlyList<GeneratedToken> { Count: > 0 } own
            ? logprobs?.Write(own) : null;
        foreach (var content in update.Contents)
        {
            var delta = content switch
            {
                TextReasoningContent reasoning => new ChunkDelta(ReasoningContent: reasoning.Text),
                TextContent text => new ChunkDelta(Content: text.Text),
                FunctionCallContent { Name: "", RawRepresentation: string written } => new ChunkDelta(Content: written),
                FunctionCallContent call => new ChunkDelta(ToolCalls: [Call(call, answer.Calls++)]),
                _ => null,
            };
            if (content is UsageContent usage)
            {
                answer.Usage = usage.Details;
            }

            if (delta is not null)
            {
                yield return Part(answer, delta, tokens);
                tokens = null;
            }
        }

        if (tokens is not null)
        {
            yield return Part(answer, new ChunkDelta(), tokens);
        }
    }

    /// <summary>Writes what ends an answer.</summary>
    public ChatCompletionChunk End(StreamedAnswer answer)
        => Part(answer, new ChunkDelta(), finishReason: Reason(answer.FinishReason, answer.Calls > 0));

    /// <summary>Writes the tokens of all answers.</summary>
    public ChatCompletionChunk Usage(IReadOnlyList<StreamedAnswer> answers) => new(
        id, created, model, [],
        new(tellsUsage, TokenUsage.Of([.. answers.Select(answer => answer.Usage).OfType<UsageDetails>()])), tier);

    /// <summary>Writes the arguments of a call as JSON text; of one that could not be read, what was written.</summary>
    public static string Arguments(FunctionCallContent call)
        => call is { Exception: not null, RawRepresentation: string written }
            ? written
            : JsonSerializer.Serialize(
                call.Arguments ?? new Dictionary<string, object?>(),
                Compact.GetTypeInfo(typeof(IDictionary<string, object?>)));

    private ChatChoice Choice(ChatResponse response, int index)
    {
        AIContent[] contents = [.. response.Messages.SelectMany(message => message.Contents)];
        FunctionCallContent[] calls = [.. contents.OfType<FunctionCallContent>().Where(call => call.Name.Length > 0)];
        var text = string.Concat(contents.Select(content => content switch
        {
            TextContent { Text: var written } => written,
            FunctionCallContent { Name: "", RawRepresentation: string written } => written,
            _ => "",
        }));
        var reasoning = string.Concat(contents.OfType<TextReasoningContent>().Select(content => content.Text));
        return new ChatChoice(
            index,
            new ChatAnswer(
                text.Length == 0 && calls.Length > 0 ? null : text,
                reasoning.Length == 0 ? null : reasoning,
                calls.Length == 0 ? null : [.. calls.Select(call => Call(call, null))]),
            Tokens(response) is { } tokens ? logprobs?.Write(tokens) : null,
            Reason(response.FinishReason, calls.Length > 0));
    }

    // The last update of an answer carries them, and so its message.
    private static IEnumerable<GeneratedToken>? Tokens(ChatResponse response) => response.Messages
        .Select(message => message.AdditionalProperties?.GetValueOrDefault("logprobs"))
        .OfType<IEnumerable<GeneratedToken>>().LastOrDefault();

    private ChatCompletionChunk Part(
        StreamedAnswer answer, ChunkDelta delta, ChoiceLogprobs? tokens = null, string? finishReason = null)
        => new(id, created, model, [new ChunkChoice(answer.Index, delta, tokens, finishReason)], new(tellsUsage), tier);

    private static AnsweredToolCall Call(FunctionCallContent call, int? index)
        => new(index, call.CallId, new AnsweredFunction(call.Name, Arguments(call)));

    private static string Reason(ChatFinishReason? reason, bool hasCalls) => reason is { } given
        ? given.Value
        : hasCalls ? ChatFinishReason.ToolCalls.Value : ChatFinishReason.Stop.Value;
}
