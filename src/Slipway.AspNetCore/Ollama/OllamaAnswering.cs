using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.DependencyInjection;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Completions;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;

namespace Slipway.AspNetCore.Ollama;

/// <summary>Answers messages in Ollama's form, whole or line by line.</summary>
/// <typeparam name="T">The form of an answer.</typeparam>
/// <param name="context">The request.</param>
/// <param name="model">The name as the request has it.</param>
/// <param name="type">Writes answers.</param>
internal sealed class OllamaAnswering<T>(RequestContext context, string model, JsonTypeInfo<T> type)
    where T : OllamaAnswer, new()
{
    private readonly AnswerTimes _times = new(
        context.Http.RequestServices.GetService<TimeProvider>() ?? TimeProvider.System);

    /// <summary>Loads a model, and says so.</summary>
    public async Task LoadAsync(ServedModel served)
    {
        ChatCompletionEndpoint.RequireChat(served);
        using var engine = await served.UseEngineAsync(context.Aborted).ConfigureAwait(false);
        await context.WriteAsync(NewAnswer(isDone: true, "load"), type).ConfigureAwait(false);
    }

    /// <summary>Answers messages.</summary>
    /// <param name="served">The model.</param>
    /// <param name="messages">The messages.</param>
    /// <param name="options">The options.</param>
    /// <param name="isStreamed">Whether each part of the answer is a line.</param>
    public Task AnswerAsync(
        ServedModel served, IReadOnlyList<ChatMessage> messages, ChatOptions options, bool isStreamed)
    {
        var client = ChatCompletionEndpoint.RequireChat(served);
        return AnswerAsync(
            served, options, isStreamed, _ => client.GetStreamingResponseAsync(messages, options, context.Aborted));
    }

    /// <summary>Continues a text as it is.</summary>
    /// <param name="served">The model.</param>
    /// <param name="prompt">The text.</param>
    /// <param name="options">The options.</param>
    /// <param name="isStreamed">Whether each part of the answer is a line.</param>
    public Task ContinueAsync(ServedModel served, string prompt, ChatOptions options, bool isStreamed) => AnswerAsync(
        served, options, isStreamed, engine => OllamaRaw.ContinueAsync(
            (engine ?? throw CompletionEndpoint.NoEngine(served)).Model, served.Folder, prompt, options,
            context.Aborted));

    private async Task AnswerAsync(
        ServedModel served, ChatOptions options, bool isStreamed,
        Func<EngineUse?, IAsyncEnumerable<ChatResponseUpdate>> answer)
    {
        using var engine = await served.UseEngineAsync(context.Aborted).ConfigureAwait(false);
        _times.Loaded();
        var logprobs = engine is not null && options.AdditionalProperties?.ContainsKey("logprobs") == true
            ? new LogprobWriter(engine.Model.Tokenizer) : null;
        var (whole, calls) = (new OllamaParts(), 0);
        UsageDetails? usage = null;
        ChatFinishReason? reason = null;
        LineStream? lines = null;
        await foreach (var update in answer(engine).ConfigureAwait(false))
        {
            _times.First();
            reason = update.FinishReason ?? reason;
            usage = update.Contents.OfType<UsageContent>().LastOrDefault()?.Details ?? usage;
            var parts = isStreamed ? new OllamaParts() : whole;
            calls = parts.Add(update, logprobs, calls);
            if (isStreamed && !parts.IsEmpty)
            {
                // Nothing is sent before the first part, so that a request that is refused has its status.
                lines ??= await LineStream.StartAsync(context.Http).ConfigureAwait(false);
                await lines.WriteAsync(parts.WriteTo(NewAnswer(isDone: false, null)), type).ConfigureAwait(false);
            }
        }

        var end = NewAnswer(isDone: true, reason == ChatFinishReason.Length ? "length" : "stop");
        (end.TotalDuration, end.LoadDuration, end.PromptEvalDuration, end.EvalDuration) = _times.Tell();
        (end.PromptEvalCount, end.EvalCount) = (usage?.InputTokenCount, usage?.OutputTokenCount);
        if (isStreamed)
        {
            lines ??= await LineStream.StartAsync(context.Http).ConfigureAwait(false);
            await lines.WriteAsync(end, type).ConfigureAwait(false);
            return;
        }

        await context.WriteAsync(whole.WriteTo(end), type).ConfigureAwait(false);
    }

    private T NewAnswer(bool isDone, string? reason) => new()
    {
        Model = model, CreatedAt = context.Catalog.Now, Done = isDone, DoneReason = reason,
    };
}
