using Slipway.Checkpoints;
using Slipway.Engine.Cache;
using Slipway.Export;
using Slipway.Sampling;
using Slipway.Testing;

namespace Slipway.Tests.Speculation;

public sealed class DraftModelTests(ITestOutputHelper output) : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The same model in int4 guesses most of what it says in float32.</summary>
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.8)]
    public async Task Generate_SmallerModelGuesses_GivesTheTokensOfThePlainRun(double temperature)
    {
        using var plain = LanguageModel.Load(Export("llama", Precision.Float32));
        using var drafted = LanguageModel.Load(
            _folder["llama-Float32"],
            new() { DraftModel = Export("llama", Precision.Int4), DraftTokens = 5, MaxPrefillTokens = 7,
                DraftBatchSize = 8 });
        var requests = Enumerable.Range(0, 12).Select(index => Request(index, temperature)).ToArray();

        var answers = await Task.WhenAll(requests.Select(request => drafted.CollectAsync(request)));

        var (proposed, right) = (0, 0);
        foreach (var (request, tokens) in requests.Zip(answers))
        {
            await AssertChosenAsync(plain, request, tokens);
            await AssertChosenAsync(plain, request, await drafted.CollectAsync(request));
            proposed += tokens[^1].Usage!.DraftedTokens;
            right += tokens[^1].Usage!.AcceptedTokens;
        }

        output.WriteLine($"temperature {temperature}: {right} of {proposed} drafted tokens were right");
        Assert.InRange(right, temperature > 0 ? 0 : 1, proposed);
        Assert.True(proposed > 0);
    }

    /// <summary>The model itself guesses everything right.</summary>
    [Fact]
    public async Task Generate_ModelGuessesForItself_IsAlwaysRight()
    {
        var package = Export("llama", Precision.Float32);
        using var model = LanguageModel.Load(package, new() { DraftModel = package, DraftTokens = 5 });
        var usage = (await model.CollectAsync(Request(1, 0)))[^1].Usage!;
        output.WriteLine($"{usage.AcceptedTokens} of {usage.DraftedTokens} drafted tokens were right");
        Assert.InRange(usage.AcceptedTokens, 1, usage.DraftedTokens);
        Assert.InRange(usage.AcceptedTokens, usage.DraftedTokens - 5, usage.DraftedTokens);
    }

    [Fact]
    public async Task Generate_BudgetForFew_ComputesAgainWithTheSameTokens()
    {
        using var plain = LanguageModel.Load(Export("llama", Precision.Float32));
        var requests = Enumerable.Range(0, 9).Select(index => Request(index, 0)).ToArray();
        var tokenBytes = plain.Size.TokenBytes;
        using var tight = LanguageModel.Load(_folder["llama-Float32"], new()
        {
            DraftModel = Export("llama", Precision.Int4), DraftTokens = 4, DraftBatchSize = 2, MaxBatchSize = 9,
            KeyValueCacheBytes = 2 * 3 * 128 * tokenBytes, PrefixCacheBytes = 0, ContextLength = 128,
        });
        var answers = await Task.WhenAll(requests.Select(request => tight.CollectAsync(request)));
        foreach (var (request, tokens) in requests.Zip(answers))
        {
            await AssertChosenAsync(plain, request, tokens);
        }
    }

    [Fact]
    public async Task Models_ThatDraftWithinOneBudget_NeverHoldMoreAndAnswerAsAlone()
    {
        using var plain = LanguageModel.Load(Export("llama", Precision.Float32));
        var draft = Export("llama", Precision.Int4);
        var requests = Enumerable.Range(0, 4).Select(index => Request(index, 0)).ToArray();
        var budget = new MemoryBudget(500 * plain.Size.TokenBytes);
        var models = Enumerable.Range(0, 2).Select(_ => LanguageModel.Load(
            _folder["llama-Float32"],
            new() { DraftModel = draft, DraftTokens = 4, DraftBatchSize = 2, MemoryBudget = budget })).ToArray();
        using var watching = new CancellationTokenSource();
        var watch = Task.Run(() =>
        {
            long most = 0;
            while (!watching.IsCancellationRequested)
            {
                most = Math.Max(most, budget.UsedBytes);
                Thread.Yield();
            }

            return most;
        });

        var answers = await Task.WhenAll(models.SelectMany(model => requests.Select(r => model.CollectAsync(r))));
        await watching.CancelAsync();

        foreach (var (request, tokens) in models.SelectMany(_ => requests).Zip(answers))
        {
            await AssertChosenAsync(plain, request, tokens);
        }

        Assert.InRange(await watch, 1, budget.Bytes);

        // Four at once are more than draft together; alone each does.
        var alone = await models[0].CollectAsync(requests[0]);
        Assert.True(alone[^1].Usage!.DraftedTokens > 0);
        Assert.True(SpinWait.SpinUntil(
            () => models.Sum(model => model.KeyValueBytes) == budget.UsedBytes, TimeSpan.FromSeconds(30)));
        Array.ForEach(models, model => model.Dispose());
        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public async Task Model_ThatDrafts_GivesBackWhatAnotherNeeds()
    {
        var package = Export("llama", Precision.Float32);
        var draft = Export("llama", Precision.Int4);
        using var plain = LanguageModel.Load(package);
        var budget = new MemoryBudget(200 * plain.Size.TokenBytes);
        using var idle = LanguageModel.Load(
            package, new() { DraftModel = draft, DraftTokens = 4, MemoryBudget = budget });
        using var busy = LanguageModel.Load(package, new() { MemoryBudget = budget });
        await idle.CollectAsync(Request(1, 0));
        Assert.True(idle.KeyValueBytes > 0);

        var tokens = await busy.CollectAsync(Request(2, 0) with
        {
            PromptIds = [.. Enumerable.Range(0, 100).Select(at => 3 + (at * 7 % 50))], MaxOutputTokens = 8,
            IgnoreEndOfSequence = true,
        });

        Assert.Equal(8, tokens.Count);
        Assert.Equal(0, idle.KeyValueBytes);
    }

    [Fact]
    public async Task Generate_Cancelled_EndsAndTheNextIsRight()
    {
        using var plain = LanguageModel.Load(Export("llama", Precision.Float32));
        using var model = LanguageModel.Load(
            _folder["llama-Float32"],
            new() { DraftModel = Export("llama", Precision.Int4), DraftTokens = 4, MaxPrefillTokens = 3 });
        for (var tokens = 1; tokens < 6; tokens++)
        {
            using var cancellation = new CancellationTokenSource();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
            {
                var left = tokens;
                await foreach (var token in model.GenerateAsync(Request(tokens, 0), cancellation.Token))
                {
                    if (--left == 0)
                    {
                        await cancellation.CancelAsync();
                    }
                }
            });
        }

        await AssertChosenAsync(plain, Request(3, 0), await model.CollectAsync(Request(3, 0)));
    }

    [Fact]
    public void Load_DraftModelWithOtherTokens_IsRefused()
    {
        var target = Export("llama", Precision.Float32);
        var other = Export("qwen3.5", Precision.Float32);
        var error = Assert.Throws<NotSupportedException>(
            () => LanguageModel.Load(target, new() { DraftModel = other }));
        Assert.Equal(
            $"Layers of the draft model '{other}' carry states, which cannot go back where a draft was wrong. Choose "
            + "another as DraftModel.", error.Message);
        error = Assert.Throws<NotSupportedException>(
            () => LanguageModel.Load(PackageCases.Folder("llama-int4"), new() { DraftModel = target }));
        Assert.Equal(
            $"The draft model '{target}' has other tokens than '{PackageCases.Folder("llama-int4")}'. Choose one with "
            + "the same tokenizer as DraftModel.", error.Message);
    }

    [Fact]
    public void Budget_DraftModel_HasAsMuchAsItNeedsForAsManyTokens()
    {
        var budget = new KeyValueBudget(
            new(300), 1000, new() { KeyValueCacheBytes = 40_000 }, free: 1 << 20, draft: new(100));
        Assert.Equal(10_000, budget.DraftBytes);
        Assert.Equal(30_000, budget.Bytes);
        Assert.Equal(100, budget.ContextLength);
    }

    private string Export(string name, Precision precision)
    {
        var package = _folder[$"{name}-{precision}"];
        if (!Directory.Exists(package))
        {
            using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", name));
            Exporter.Export(checkpoint, package, new ExportOptions { Precision = precision });
        }

        return package;
    }

    private static GenerationRequest Request(int index, double temperature) => new()
    {
        PromptIds = [.. Enumerable.Range(0, 10 + (index * 3)).Select(at => 3 + (((at * 7) + index) % 50))],
        MaxOutputTokens = 24,
        IgnoreEndOfSequence = true,
        Sampling = new() { Temperature = temperature, Seed = index },
    };

    private static Task AssertChosenAsync(LanguageModel plain, GenerationRequest request, List<GeneratedToken> tokens)
    {
        Assert.Equal(request.MaxOutputTokens, tokens.Count);
        return AnswerAssert.IsChosenAsync(
            plain, request, [.. tokens.Select(token => token.Id)], AnswerAssert.Float,
            request.Sampling.Temperature > 0 ? new RandomSource(request.Sampling.Seed!.Value).NextDouble : null);
    }
}
