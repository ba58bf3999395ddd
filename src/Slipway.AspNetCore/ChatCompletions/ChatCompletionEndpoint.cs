using Microsoft.Extensions.AI;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.ChatCompletions;

/// <summary>Answers messages: <c>POST /chat/completions</c>.</summary>
internal static class ChatCompletionEndpoint
{
    // Answers of one seed would be the same.
    private const long SeedStep = 7919;

    public static async Task HandleAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.ChatCompletionRequest).ConfigureAwait(false);
        var (model, adapter) = context.Catalog.Find(request.Model);
        var client = RequireChat(model);
        var messages = MessageReader.Read(request.Messages);
        var options = OptionsReader.Read(request, adapter);
        using var engine = await model.UseEngineAsync(context.Aborted).ConfigureAwait(false);
        if (engine is not null)
        {
            MessageReader.RequireTexts(messages);
        }

        var logprobs = request.Logprobs == true && engine is not null
            ? new LogprobWriter(engine.Model.Tokenizer) : null;
        var writer = new ChatCompletionWriter(
            RequestContext.NewId("chatcmpl-"), context.Catalog.Now.ToUnixTimeSeconds(), request.Model, logprobs,
            request.StreamOptions?.IncludeUsage == true, request.ServiceTier is null ? null : "default");
        var count = request.N ?? 1;
        if (request.Stream == true)
        {
            await StreamAsync(context, request, writer, count, index => client.GetStreamingResponseAsync(
                messages, OptionsOf(options, index), context.Aborted)).ConfigureAwait(false);
            return;
        }

        var responses = await AllAsync(
            count, (index, token) => client.GetResponseAsync(messages, OptionsOf(options, index), token),
            context.Aborted).ConfigureAwait(false);
        await context.WriteAsync(writer.Whole(responses), OpenAIJson.Default.ChatCompletion).ConfigureAwait(false);
    }

    /// <summary>Gives a model's chat client.</summary>
    /// <exception cref="OpenAIException">The model does not chat.</exception>
    public static IChatClient RequireChat(ServedModel model) => model.Chat ?? throw new OpenAIException(
        400, $"The model '{OpenAIException.Excerpt(model.Name)}' does not chat. Name one that does.", "model",
        "model_not_supported");

    private static async Task StreamAsync(
        RequestContext context, ChatCompletionRequest request, ChatCompletionWriter writer, int count,
        Func<int, IAsyncEnumerable<ChatResponseUpdate>> stream)
    {
        var answers = Enumerable.Range(0, count).Select(index => new StreamedAnswer(index)).ToArray();
        var withUsage = request.StreamOptions?.IncludeUsage == true;
        EventStream? events = null;
        await foreach (var (index, update) in AnswerStreams.MergeAsync(count, stream, context.Aborted)
            .ConfigureAwait(false))
        {
            // Nothing is sent before the first update, so that a request that is refused has its status.
            events ??= await BeginAsync().ConfigureAwait(false);
            foreach (var chunk in writer.Parts(answers[index], update))
            {
                await events.WriteAsync(chunk, OpenAIJson.Default.ChatCompletionChunk).ConfigureAwait(false);
            }
        }

        events ??= await BeginAsync().ConfigureAwait(false);
        foreach (var answer in answers)
        {
            await events.WriteAsync(writer.End(answer), OpenAIJson.Default.ChatCompletionChunk).ConfigureAwait(false);
        }

        if (withUsage)
        {
            await events.WriteAsync(writer.Usage(answers), OpenAIJson.Default.ChatCompletionChunk)
                .ConfigureAwait(false);
        }

        await events.WriteDoneAsync().ConfigureAwait(false);

        async Task<EventStream> BeginAsync()
        {
            var begun = await EventStream.StartAsync(context.Http).ConfigureAwait(false);
            foreach (var answer in answers)
            {
                await begun.WriteAsync(writer.Begin(answer), OpenAIJson.Default.ChatCompletionChunk)
                    .ConfigureAwait(false);
            }

            return begun;
        }
    }

    private static async Task<ChatResponse[]> AllAsync(
        int count, Func<int, CancellationToken, Task<ChatResponse>> answer, CancellationToken cancellationToken)
    {
        using var others = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var tasks = Enumerable.Range(0, count).Select(index => answer(index, others.Token)).ToArray();
        try
        {
            foreach (var task in tasks)
            {
                await task.ConfigureAwait(false);
            }

            return [.. tasks.Select(task => task.Result)];
        }
        catch
        {
            // Where one answer fails, the others are of no use.
            await others.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(tasks)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    private static ChatOptions OptionsOf(ChatOptions options, int index)
    {
        var own = options.Clone();
        own.Seed = unchecked(options.Seed + (index * SeedStep));
        return own;
    }
}
