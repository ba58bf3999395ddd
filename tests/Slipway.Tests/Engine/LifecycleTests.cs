namespace Slipway.Tests.Engine;

public sealed class LifecycleTests
{
    private static readonly int[] Prompt = [5, 9, 200, 14];

    [Fact]
    public async Task GenerateAsync_CancelledBetweenTokens_ThrowsAndLeavesNothingBehind()
    {
        using var model = Load();
        using var source = new CancellationTokenSource();
        var seen = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var token in model.GenerateAsync(Endless(), source.Token))
            {
                if (++seen == 5)
                {
                    await source.CancelAsync();
                }
            }
        });

        // What was cancelled no longer holds its row: the model answers as if it had never been.
        Assert.Equal(await IdsAsync(model), await IdsAsync(model));
    }

    [Fact]
    public async Task GenerateAsync_EnumerationLeftEarly_EndsTheRequest()
    {
        using var model = Load(new LanguageModelOptions { MaxBatchSize = 1 });
        await foreach (var token in model.GenerateAsync(Endless()))
        {
            break;
        }

        // With one row only, this would wait for the first request's whole context.
        Assert.Equal(4, (await IdsAsync(model)).Length);
    }

    [Fact]
    public async Task GenerateAsync_CancelledBeforeItsTurn_Throws()
    {
        using var model = Load(new LanguageModelOptions { MaxBatchSize = 1 });
        using var gate = new GateProcessor();
        var running = model.CollectAsync(gate.Request);
        gate.WaitUntilReached();
        using var source = new CancellationTokenSource();
        var waiting = model.CollectAsync(Endless(), source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        gate.Open();
        Assert.Equal(4, (await running).Count);
    }

    [Fact]
    public async Task GenerateAsync_AlreadyCancelled_Throws()
    {
        using var model = Load();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => model.CollectAsync(Endless(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task Dispose_RequestsInFlight_EndsThemAll()
    {
        var model = Load(new LanguageModelOptions { MaxBatchSize = 3 });
        var requests = Enumerable.Range(0, 12).Select(_ => Task.Run(() => LoopAsync(model))).ToArray();
        await Task.Delay(100);
        await model.DisposeAsync();
        foreach (var request in requests)
        {
            await Assert.ThrowsAsync<ObjectDisposedException>(() => request);
        }

        model.Dispose();
        Assert.Throws<ObjectDisposedException>(() => model.GenerateAsync(Endless()));
    }

    [Fact]
    public async Task Dispose_AtAnyMoment_NeverCrashes()
    {
        for (var round = 0; round < 10; round++)
        {
            var model = Load();
            var requests = Enumerable.Range(0, 4).Select(_ => Task.Run(() => LoopAsync(model))).ToArray();
            await Task.Delay(round);
            model.Dispose();
            var results = await Task.WhenAll(requests.Select(request => request.ContinueWith(
                task => task.Exception!.InnerException!, TaskScheduler.Default)));
            Assert.All(results, error => Assert.IsType<ObjectDisposedException>(error));
        }
    }

    [Fact]
    public async Task GenerateAsync_QueueFull_SaysSo()
    {
        var options = new LanguageModelOptions { MaxBatchSize = 1, QueueCapacity = 1 };
        using var model = Load(options);
        using var gate = new GateProcessor();
        var running = model.CollectAsync(gate.Request);
        gate.WaitUntilReached();
        using var source = new CancellationTokenSource();
        var waiting = model.CollectAsync(Endless(), source.Token);
        var error = await Assert.ThrowsAsync<QueueFullException>(() => model.CollectAsync(Endless()));
        Assert.Equal(
            "'1' requests wait for the model already. Try again later, or raise 'QueueCapacity'.", error.Message);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        var next = IdsAsync(model);
        gate.Open();
        Assert.Equal(4, (await running).Count);
        Assert.Equal(4, (await next).Length);
    }

    [Fact]
    public async Task GenerateAsync_ProcessorThrows_FailsItsOwnRequestOnly()
    {
        using var model = Load();
        var expected = await IdsAsync(model);
        var failing = new GenerationRequest
        {
            PromptIds = Prompt,
            IgnoreEndOfSequence = true,
            LogitsProcessors = [new ThrowingProcessor(afterTokens: 3)],
        };
        var others = Enumerable.Range(0, 3).Select(_ => IdsAsync(model)).ToArray();
        var error = await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => model.CollectAsync(failing));
        Assert.Equal("thrown on purpose", error.Message);
        Assert.All(await Task.WhenAll(others), ids => Assert.Equal(expected, ids));
        Assert.Equal(expected, await IdsAsync(model));
    }

    [Fact]
    public async Task GenerateAsync_HigherPriority_GoesFirst()
    {
        using var model = Load(new LanguageModelOptions { MaxBatchSize = 1 });
        using var gate = new GateProcessor();
        var running = model.CollectAsync(gate.Request);
        gate.WaitUntilReached();
        var order = new List<int>();
        var low = model.CollectAsync(Request(0));
        var high = model.CollectAsync(Request(1));
        gate.Open();
        await Task.WhenAll(running, low, high);
        Assert.Equal([1, 1, 0, 0], order);

        // Noted on the engine's thread: readers may be woken in another order than tokens come.
        GenerationRequest Request(int priority) => new()
        {
            PromptIds = Prompt,
            MaxOutputTokens = 2,
            IgnoreEndOfSequence = true,
            Priority = priority,
            LogitsProcessors = [new NotingProcessor(() => order.Add(priority))],
        };
    }

    private static async Task LoopAsync(LanguageModel model)
    {
        while (true)
        {
            await model.CollectAsync(Endless());
        }
    }

    private static async Task<int[]> IdsAsync(LanguageModel model)
        => [.. (await model.CollectAsync(new GenerationRequest
        {
            PromptIds = Prompt,
            MaxOutputTokens = 4,
            IgnoreEndOfSequence = true,
        })).Select(token => token.Id)];

    private static GenerationRequest Endless() => new() { PromptIds = Prompt, IgnoreEndOfSequence = true };

    private static LanguageModel Load(LanguageModelOptions? options = null)
        => LanguageModel.Load(PackageCases.Folder(PackageCases.Exact), options);

    /// <summary>Stops the engine in the middle of a request until it is opened.</summary>
    private sealed class GateProcessor : ILogitsProcessor, IDisposable
    {
        private readonly ManualResetEventSlim _reached = new();
        private readonly ManualResetEventSlim _opened = new();

        public GenerationRequest Request => new()
        {
            PromptIds = Prompt,
            MaxOutputTokens = 4,
            IgnoreEndOfSequence = true,
            LogitsProcessors = [this],
        };

        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
            _reached.Set();
            _opened.Wait();
        }

        public void WaitUntilReached() => _reached.Wait();

        public void Open() => _opened.Set();

        public void Dispose()
        {
            _opened.Set();
            _reached.Dispose();
        }
    }

    private sealed class NotingProcessor(Action note) : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits) => note();
    }

    private sealed class ThrowingProcessor(int afterTokens) : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
            if (outputIds.Length == afterTokens)
            {
                throw new TimeZoneNotFoundException("thrown on purpose");
            }
        }
    }
}
