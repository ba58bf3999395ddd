using System.Runtime.CompilerServices;
using Slipway.AspNetCore.ChatCompletions;
using Slipway.AspNetCore.Hosting;
using Slipway.AspNetCore.Models;
using Slipway.AspNetCore.Protocol;

namespace Slipway.AspNetCore.Completions;

/// <summary>Continues texts: <c>POST /completions</c>.</summary>
internal static class CompletionEndpoint
{
    // Answers of one seed would be the same.
    private const long SeedStep = 7919;

    public static async Task HandleAsync(RequestContext context)
    {
        var request = await context.ReadAsync(OpenAIJson.Default.CompletionRequest).ConfigureAwait(false);
        var (model, adapter) = context.Catalog.Find(request.Model);
        using var use = await RequireEngineAsync(model, context.Aborted).ConfigureAwait(false);
        var engine = use.Model;
        var generation = CompletionOptions.Read(request, adapter);
        var prompts = PromptReader.Read(request.Prompt, engine.Tokenizer, "prompt");
        var answers = request.N ?? 1;
        var logprobs = request.Logprobs is null ? null : new LogprobWriter(engine.Tokenizer);
        ContinuedPrompt[] continued =
            [.. Enumerable.Range(0, prompts.Count * answers).Select(index => new ContinuedPrompt(index, logprobs))];
        var (id, created) = (RequestContext.NewId("cmpl-"), context.Catalog.Now.ToUnixTimeSeconds());
        var tellsUsage = request.StreamOptions?.IncludeUsage == true;
        EventStream? events = null;
        await foreach (var (index, _) in AnswerStreams.MergeAsync(
            continued.Length,
            index => ContinueAsync(
                engine, request, Of(generation, prompts[index / answers], index % answers), continued[index],
                context.Aborted),
            context.Aborted).ConfigureAwait(false))
        {
            if (request.Stream == true)
            {
                events ??= await EventStream.StartAsync(context.Http).ConfigureAwait(false);
                await events.WriteAsync(
                    new Completion(id, created, request.Model, [continued[index].Take()], new(tellsUsage)),
                    OpenAIJson.Default.Completion).ConfigureAwait(false);
            }
        }

        var usage = Usage(prompts, continued);
        if (request.Stream != true)
        {
            await context.WriteAsync(
                new Completion(id, created, request.Model, [.. continued.Select(one => one.Take())], new(true, usage)),
                OpenAIJson.Default.Completion).ConfigureAwait(false);
            return;
        }

        events ??= await EventStream.StartAsync(context.Http).ConfigureAwait(false);
        if (tellsUsage)
        {
            await events.WriteAsync(
                new Completion(id, created, request.Model, [], new(true, usage)), OpenAIJson.Default.Completion)
                .ConfigureAwait(false);
        }

        await events.WriteDoneAsync().ConfigureAwait(false);
    }

    /// <summary>Holds the engine of a model's package, until the result is disposed.</summary>
    /// <exception cref="OpenAIException">The model is no package that generates texts.</exception>
    public static async Task<EngineUse> RequireEngineAsync(ServedModel model, CancellationToken cancellationToken)
        => await model.UseEngineAsync(cancellationToken).ConfigureAwait(false) ?? throw NoEngine(model);

    /// <summary>Says that a model is no package that generates texts.</summary>
    public static OpenAIException NoEngine(ServedModel model) => new(
        400, $"The model '{OpenAIException.Excerpt(model.Name)}' is no package that generates texts. Name one that is.",
        "model", "model_not_supported");

    private static GenerationRequest Of(GenerationRequest request, IReadOnlyList<int> ids, int answer) => request with
    {
        PromptIds = ids,
        Sampling = request.Sampling with { Seed = unchecked(request.Sampling.Seed + (answer * SeedStep)) },
    };

    private static async IAsyncEnumerable<bool> ContinueAsync(
        LanguageModel engine, CompletionRequest request, GenerationRequest generation, ContinuedPrompt prompt,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (request.Echo == true)
        {
            var ids = generation.PromptIds;
            prompt.Echo(
                engine.Tokenizer.Decode([.. ids], skipSpecialTokens: true), ids,
                request.Logprobs is { } alternatives && ids.Count > 1
                    ? await engine.ScoreAsync(ids, alternatives, cancellationToken).ConfigureAwait(false) : []);
        }

        if (generation.MaxOutputTokens == 0)
        {
            prompt.End();
            yield return true;
            yield break;
        }

        await foreach (var token in engine.GenerateAsync(generation, cancellationToken).ConfigureAwait(false))
        {
            prompt.Append(token);
            yield return true;
        }
    }

    private static TokenUsage Usage(IReadOnlyList<int[]> prompts, IReadOnlyList<ContinuedPrompt> continued)
    {
        long read = prompts.Sum(prompt => prompt.Length);
        long written = continued.Sum(one => one.Usage?.OutputTokens ?? 0);
        return new TokenUsage(
            read, written, read + written,
            new PromptTokenDetails(continued.Sum(one => one.Usage?.CachedTokens ?? 0)));
    }
}
