using Slipway.Tests.Engine;

namespace Slipway.Tests;

/// <summary>Several answers to one prompt, and what the model thinks of given tokens.</summary>
public sealed class AnswersTests
{
    private static readonly GenerationRequest Request = new()
    {
        PromptIds = [.. Enumerable.Range(3, 70)],
        MaxOutputTokens = 12,
        IgnoreEndOfSequence = true,
        NumReturnSequences = 4,
        Sampling = new() { Temperature = 1, Seed = 6 },
    };

    [Fact]
    public async Task Generate_SeveralAnswers_ShareThePromptAndDifferInTheirDraws()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        var answers = Split(await model.CollectAsync(Request));
        Assert.Equal(4, answers.Length);
        Assert.All(answers, answer => Assert.Equal(12, answer.Length));
        Assert.All(answers, answer => Assert.All(answer.SkipLast(1), token => Assert.Null(token.FinishReason)));
        Assert.Equal([0, 64, 64, 64], answers.Select(answer => answer[^1].Usage!.CachedTokens).Order());
        Assert.Equal(
            4, answers.Select(answer => string.Join(' ', answer.Select(token => token.Id))).Distinct().Count());
    }

    [Fact]
    public async Task Generate_SeveralAnswersWithASeed_GivesThemAgainAndTheFirstAlone()
    {
        using var model = LanguageModel.Load(
            PackageCases.Folder("llama-int4"), null, inner => new ScriptedDecoder(inner, Even));
        var answers = Split(await model.CollectAsync(Request));
        var again = Split(await model.CollectAsync(Request));
        Assert.Equal(
            answers.Select(answer => answer.Select(token => token.Id).ToArray()),
            again.Select(answer => answer.Select(token => token.Id).ToArray()));
        var alone = await model.CollectAsync(Request with { NumReturnSequences = 1 });
        Assert.Equal(alone.Select(token => token.Id), answers[0].Select(token => token.Id));
        Assert.All(alone, token => Assert.Equal(0, token.SequenceIndex));

        static void Even(ReadOnlySpan<int> tokens, Span<float> logits) => logits.Clear();
    }

    [Fact]
    public async Task Generate_SeveralAnswersLeftEarly_EndsAllOfThem()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        await foreach (var token in model.GenerateAsync(Request with { MaxOutputTokens = null }))
        {
            break;
        }

        // Nothing is left that would go on to the context's end.
        await model.DrainAsync();

        using var other = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        using var source = new CancellationTokenSource();
        var cancelled = other.CollectAsync(Request with { MaxOutputTokens = null }, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        await other.DrainAsync();
    }

    [Fact]
    public async Task Generate_SeveralAnswersThatFindNoRoom_SaysSo()
    {
        using var model = LanguageModel.Load(
            PackageCases.Folder("qwen3-fp32"), new() { QueueCapacity = 1, MaxBatchSize = 1 });
        await Assert.ThrowsAsync<QueueFullException>(
            () => model.CollectAsync(Request with { NumReturnSequences = 64, MaxOutputTokens = 40 }));
        await model.DrainAsync();
    }

    [Fact]
    public void Generate_SeveralAnswersOutOfRange_IsRefused()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        var error = Assert.Throws<ArgumentException>(
            () => model.GenerateAsync(Request with { NumReturnSequences = 0 }));
        Assert.Equal("NumReturnSequences is '0'; expected from 1 to 64. (Parameter 'request')", error.Message);
        error = Assert.Throws<ArgumentException>(
            () => model.GenerateAsync(Request with { LogitsProcessors = [new Nothing()] }));
        Assert.Equal(
            "LogitsProcessors has entries and NumReturnSequences is '4', but a processor follows one answer. Send a "
            + "request with processors of its own for each. (Parameter 'request')",
            error.Message);
    }

    [Fact]
    public async Task Score_AlternativesAsked_TellsThoseOfEveryPosition()
    {
        using var model = LanguageModel.Load(PackageCases.Folder("qwen3-fp32"));
        int[] ids = [5, 9, 200, 14, 5, 77];
        var plain = await model.ScoreAsync(ids);
        var scores = await model.ScoreAsync(ids, 3);
        var logits = await model.ForwardAsync(ids);
        Assert.Equal(ids.Skip(1), scores.Select(score => score.Id));
        Assert.Equal(plain, scores.Select(score => score.LogProbability));
        for (var position = 0; position < scores.Count; position++)
        {
            var best = logits[position].ToArray().Index().OrderByDescending(pair => pair.Item).Take(3).ToArray();
            Assert.Equal(best.Select(pair => pair.Index), scores[position].Alternatives.Select(token => token.Id));
            var all = await model.ScoreAsync([.. ids[..(position + 1)], best[0].Index]);
            Assert.Equal(all[^1], scores[position].Alternatives[0].LogProbability, 4);
        }

        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.ScoreAsync(ids, 101));
        Assert.Equal(
            "The number of alternatives is '101'; expected 0 to 100. (Parameter 'alternatives')", error.Message);
    }

    private static GeneratedToken[][] Split(List<GeneratedToken> tokens)
        => [.. tokens.GroupBy(token => token.SequenceIndex).OrderBy(group => group.Key)
        .Select(group => group.ToArray())];

    private sealed class Nothing : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
        }
    }
}
