using Slipway.Engine;

namespace Slipway.Tests.Engine;

public sealed class FaultTests
{
    [Fact]
    public async Task Step_PrefillFails_FailsThatRequestAndGoesOn()
    {
        var faults = new Faults { FailPrefill = tokens => tokens.Contains(77) };
        using var model = Load(faults);
        var good = Request([5, 9, 200]);
        var expected = await IdsAsync(model, good);
        var others = Enumerable.Range(0, 4).Select(_ => IdsAsync(model, good)).ToArray();
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => IdsAsync(model, Request([5, 77, 200])));
        Assert.Equal("prefill fault", error.Message);
        Assert.All(await Task.WhenAll(others), ids => Assert.Equal(expected, ids));
        Assert.Equal(expected, await IdsAsync(model, good));
    }

    [Fact]
    public async Task Step_DecodeFails_FailsThatStepsRequestsAndGoesOn()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var request = Request([5, 9, 200]);
        var expected = await IdsAsync(model, request);
        faults.FailDecodes = 1;
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => IdsAsync(model, request));
        Assert.Equal("decode fault", error.Message);
        Assert.Equal(expected, await IdsAsync(model, request));
    }

    [Fact]
    public async Task Step_NoMemoryForTheCache_SaysSoAndGoesOn()
    {
        var faults = new Faults { FailResizes = 1 };
        using var model = Load(faults);
        var request = Request([5, 9, 200]);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => IdsAsync(model, request));
        Assert.Equal(
            "There is no memory for a sequence of '3' tokens. Lower MaxBatchSize, ContextLength or KeyValueCacheBytes.",
            error.Message);
        Assert.Equal(6, (await IdsAsync(model, request)).Length);
    }

    [Fact]
    public async Task Step_NoMemoryForAnotherSequence_KeepsThoseThatRun()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var request = Request([5, 9, 200]) with { MaxOutputTokens = 40 };
        var expected = await IdsAsync(model, request);
        var newcomer = Request([5, 9, 200]) with { PromptIds = [.. Enumerable.Range(3, 90)] };
        Task<int[]>? failing = null;
        var running = new List<int>();
        await foreach (var token in model.GenerateAsync(request with { LogitsProcessors = [new Trigger(10, Start)] }))
        {
            running.Add(token.Id);
        }

        await Assert.ThrowsAsync<InvalidOperationException>(() => failing!);
        Assert.Equal(expected, running);

        void Start()
        {
            faults.FailResizes = 1;
            failing = IdsAsync(model, newcomer);
        }
    }

    [Fact]
    public async Task GenerateAsync_CancelledDuringPrefill_TerminatesTheRun()
    {
        var faults = new Faults();
        using var model = Load(faults);
        using var source = new CancellationTokenSource();
        var request = Request([5, 9, 200]);
        faults.BlockPrefill = true;
        var cancelled = model.CollectAsync(request, source.Token);
        faults.PrefillEntered.Wait();
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);

        // The wrapped run only ends when it is told to, so this answer shows that it was.
        faults.BlockPrefill = false;
        Assert.Equal(6, (await IdsAsync(model, request)).Length);
    }

    [Fact]
    public async Task GenerateAsync_KeyValueBudgetTooSmallForAll_WaitsAndRecomputesWithTheSameTokens()
    {
        const int TokenBytes = 3 * 2 * 2 * 16 * 4;
        var options = new LanguageModelOptions { KeyValueCacheBytes = TokenBytes * 128 * 2, MaxBatchSize = 8 };
        using var alone = LanguageModel.Load(PackageCases.Folder("llama-int4"));
        using var tight = LanguageModel.Load(PackageCases.Folder("llama-int4"), options);
        var requests = Enumerable.Range(0, 12)
            .Select(i => new GenerationRequest
            {
                PromptIds = [.. Enumerable.Range(3, 10 + i)],
                MaxOutputTokens = i % 3 == 0 ? null : 20 + i,
                IgnoreEndOfSequence = true,
            })
            .ToArray();
        var expected = new List<int[]>();
        foreach (var request in requests)
        {
            expected.Add(await IdsAsync(alone, request));
        }

        Assert.Equal(expected, await Task.WhenAll(requests.Select(request => IdsAsync(tight, request))));
    }

    private static LanguageModel Load(Faults faults)
        => LanguageModel.Load(PackageCases.Folder("llama-int4"), null, decoder => new FaultyDecoder(decoder, faults));

    private static GenerationRequest Request(int[] prompt)
        => new() { PromptIds = prompt, MaxOutputTokens = 6, IgnoreEndOfSequence = true };

    private static async Task<int[]> IdsAsync(LanguageModel model, GenerationRequest request)
        => [.. (await model.CollectAsync(request)).Select(token => token.Id)];

    private sealed class Faults
    {
        public Func<int[], bool> FailPrefill { get; init; } = _ => false;

        public int FailDecodes { get; set; }

        public int FailResizes { get; set; }

        public volatile bool BlockPrefill;

        public ManualResetEventSlim PrefillEntered { get; } = new();

        public ManualResetEventSlim Terminated { get; } = new();
    }

    private sealed class Trigger(int afterTokens, Action action) : ILogitsProcessor
    {
        public void Process(ReadOnlySpan<int> promptIds, ReadOnlySpan<int> outputIds, Span<float> logits)
        {
            if (outputIds.Length == afterTokens)
            {
                action();
            }
        }
    }

    private sealed class FaultyDecoder(IDecoder inner, Faults faults) : IDecoder
    {
        public int Rows => inner.Rows;

        public int Capacity => inner.Capacity;

        public int LargestChunk => inner.LargestChunk;

        public int LargestScoredChunk => inner.LargestScoredChunk;

        public long BytesFor(int rows, int capacity) => inner.BytesFor(rows, capacity);

        public void Resize(int rows, int capacity, ReadOnlySpan<int> lengths)
        {
            if (faults.FailResizes-- > 0)
            {
                inner.Resize(0, 0, []);
                throw new InsufficientMemoryException();
            }

            inner.Resize(rows, capacity, lengths);
        }

        public void Adapt(ReadOnlySpan<int> ids) => inner.Adapt(ids);

        public void ReadTokens(int row, int start, int count, NativeBuffer destination)
            => inner.ReadTokens(row, start, count, destination);

        public void WriteTokens(int row, int start, int count, NativeBuffer source)
            => inner.WriteTokens(row, start, count, source);

        public void CopyRow(int from, int to, int length) => inner.CopyRow(from, to, length);

        public ReadOnlySpan<float> Prefill(int row, int start, ReadOnlySpan<int> tokens, bool every)
        {
            if (faults.FailPrefill(tokens.ToArray()))
            {
                throw new InvalidOperationException("prefill fault");
            }

            if (faults.BlockPrefill)
            {
                faults.PrefillEntered.Set();
                faults.Terminated.Wait();
                throw new InvalidOperationException("ended by the terminate flag");
            }

            return inner.Prefill(row, start, tokens, every);
        }

        public ReadOnlySpan<float> Decode(ReadOnlySpan<int> tokens, ReadOnlySpan<int> lengths)
            => faults.FailDecodes-- > 0
                ? throw new InvalidOperationException("decode fault")
                : inner.Decode(tokens, lengths);

        public void Terminate(bool terminate)
        {
            if (terminate)
            {
                faults.Terminated.Set();
            }

            inner.Terminate(terminate);
        }

        public void Dispose() => inner.Dispose();
    }
}
