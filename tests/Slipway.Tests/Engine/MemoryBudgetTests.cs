using Slipway.Testing;
using Slipway.Tests.Engine.Load;

namespace Slipway.Tests.Engine;

/// <summary>Runs several models within one number of bytes.</summary>
public sealed class MemoryBudgetTests
{
    private const int TokenBytes = 3 * 2 * 2 * 16 * sizeof(float);

    [Fact]
    public async Task Models_OfOneBudget_NeverHoldMoreAndAnswerAsAlone()
    {
        using var package = new LoadPackage("llama");
        var requests = Enumerable.Range(0, 4).Select(i => Request(3 + i, 20 + (20 * i), 30)).ToArray();
        List<int[]> expected = [];
        using (var alone = LanguageModel.Load(package.Folder, new() { KeyValueCacheBytes = 16 << 20 }))
        {
            foreach (var request in requests)
            {
                expected.Add(await IdsAsync(alone, request));
            }
        }

        // Two sequences of the longest kind do not fit together.
        var budget = new MemoryBudget(150 * TokenBytes);
        var models = Enumerable.Range(0, 3)
            .Select(_ => LanguageModel.Load(package.Folder, new() { MemoryBudget = budget })).ToArray();
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

        var answers = await Task.WhenAll(models.SelectMany(model => requests.Select(r => IdsAsync(model, r))));
        await watching.CancelAsync();

        Assert.Equal(models.SelectMany(_ => expected), answers);
        Assert.InRange(await watch, 1, budget.Bytes);
        Array.ForEach(models, model => model.Dispose());
        Assert.Equal(0, budget.UsedBytes);
    }

    [Fact]
    public async Task Model_ThatIsIdle_GivesBackWhatAnotherNeeds()
    {
        var log = new LogLines();
        using var package = new LoadPackage("llama");
        var budget = new MemoryBudget(150 * TokenBytes);
        using var idle = LanguageModel.Load(package.Folder, new() { MemoryBudget = budget, LoggerFactory = log });
        using var busy = LanguageModel.Load(package.Folder, new() { MemoryBudget = budget });
        await idle.CollectAsync(Request(3, 60, 20));
        Assert.True(idle.KeyValueBytes > 0);

        await busy.CollectAsync(Request(4, 90, 30));

        Assert.Equal(0, idle.KeyValueBytes);
        Assert.Matches(
            "^Debug: The model 'package' gave [0-9]+ bytes of keys and values back: another model needs them\\.$",
            log.Lines[^1]);
        Assert.Equal(20, (await idle.CollectAsync(Request(3, 60, 20))).Count);
    }

    [Fact]
    public async Task Sequence_ThatOutgrowsTheMemory_IsPreemptedAndLogged()
    {
        var log = new LogLines();
        var folder = Path.Combine(SharedAssets.Repository, "models", "device-assistant", "int4");
        using var measured = LanguageModel.Load(folder);
        using var model = LanguageModel.Load(folder, new()
        {
            KeyValueCacheBytes = measured.Size.BytesFor(700), PrefixCacheBytes = 0, LoggerFactory = log,
        });

        // Open ends reserve 256 tokens each, and both go on to 400.
        var open = Request(3, 10, 400) with { MaxOutputTokens = null };
        var answers = await Task.WhenAll(Enumerable.Range(0, 2).Select(i => TakeAsync(
            model, open with { PromptIds = [.. Enumerable.Range(3 + i, 10)] }, 400)));

        Assert.All(answers, answer => Assert.Equal(400, answer));
        Assert.Contains(log.Lines, line => line.StartsWith(
            "Information: A request of the model 'int4' lost its slot at ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Request_ThatFails_IsLoggedWithoutItsText()
    {
        var log = new LogLines();
        using var package = new LoadPackage("llama");
        using var model = LanguageModel.Load(package.Folder, new() { LoggerFactory = log });
        var request = Request(3, 10, 5) with { LogitsProcessors = [new Throwing()] };

        await Assert.ThrowsAsync<InvalidTimeZoneException>(() => model.CollectAsync(request));

        Assert.Equal("Error: A request of the model 'package' failed at 10 tokens.", log.Lines[^1]);
    }

    [Fact]
    public void Budget_OfNothing_IsRefused()
        => Assert.Throws<ArgumentOutOfRangeException>("bytes", () => new MemoryBudget(0));

    private static GenerationRequest Request(int first, int length, int output) => new()
    {
        PromptIds = [.. Enumerable.Range(0, length).Select(at => 3 + (((at * 7) + first) % 50))],
        MaxOutputTokens = output,
        IgnoreEndOfSequence = true,
    };

    private static async Task<int[]> IdsAsync(LanguageModel model, GenerationRequest request)
        => [.. (await model.CollectAsync(request)).Select(token => token.Id)];

    private static async Task<int> TakeAsync(LanguageModel model, GenerationRequest request, int count)
    {
        var taken = 0;
        await foreach (var _ in model.GenerateAsync(request))
        {
            if (++taken == count)
            {
                break;
            }
        }

        return taken;
    }

    private sealed class Throwing : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
            => throw new InvalidTimeZoneException("This processor fails.");
    }
}
