using Microsoft.ML.OnnxRuntime;
using Slipway.Tests.Engine.Load;

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
    public async Task GenerateAsync_KeyValueBudgetTooSmallForAll_WaitsAndRecomputesWithTokensThatTheMarginAllows()
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
        var answers = await Task.WhenAll(requests.Select(request => IdsAsync(tight, request)));
        foreach (var (request, ids) in requests.Zip(answers))
        {
            Assert.Equal(request.MaxOutputTokens ?? alone.ContextLength - request.PromptIds.Count, ids.Length);
            await AnswerAssert.IsChosenAsync(alone, request, ids, PackageCases.Margin("llama-int4"));
        }
    }

    /// <summary>A step's fault meets those that decode; not who waits, nor whose prompt is under way.</summary>
    [Theory]
    [InlineData("llama", false)]
    [InlineData("llama", true)]
    [InlineData("qwen3.5", false)]
    [InlineData("qwen3.5", true)]
    public async Task Step_FailsAmongOthers_FailsItsRequestsAloneInAnyModel(string name, bool inPrefill)
    {
        var faults = new Faults { FailPrefill = tokens => inPrefill && tokens.Contains(250) };
        using var package = new LoadPackage(name);
        var options = new LanguageModelOptions { MaxBatchSize = 3, MaxPrefillTokens = 8, MaxMixedPrefillTokens = 8 };
        using var model = LanguageModel.Load(package.Folder, options, decoder => new FaultyDecoder(decoder, faults));
        var request = Request([.. Enumerable.Range(3, 30)]);
        var expected = await IdsAsync(model, request);

        // Two run; a third one's second chunk fails, or a step in which they decode while its prompt, a long one, is
        // under way.
        var running = Enumerable.Range(0, 2).Select(_ => IdsAsync(model, request with
        {
            MaxOutputTokens = 12,
            LogitsProcessors = [new Trigger(5, () => faults.FailDecodes = inPrefill ? 0 : 1)],
        })).ToArray();
        var third = IdsAsync(model, Request([.. Enumerable.Range(3, 12), 250, .. Enumerable.Range(3, 100)]));
        var waiting = Enumerable.Range(0, 4).Select(_ => IdsAsync(model, request)).ToArray();

        var failed = 0;
        foreach (var task in running.Append(third))
        {
            try
            {
                var ids = await task;
                Assert.Equal(task == third ? 6 : 12, ids.Length);
            }
            catch (InvalidOperationException error)
            {
                Assert.Equal(inPrefill ? "prefill fault" : "decode fault", error.Message);
                Assert.Equal(inPrefill, task == third);
                failed++;
            }
        }

        Assert.InRange(failed, 1, inPrefill ? 1 : 2);
        Assert.All(await Task.WhenAll(waiting), ids => Assert.Equal(expected, ids));
        Assert.Equal(expected, await IdsAsync(model, request));
    }

    /// <summary>The machine itself refuses the memory, at any of the allocations on the way.</summary>
    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3.5")]
    public async Task Step_MachineHasNoMemory_SaysSoAndGoesOn(string name)
    {
        var faults = new Faults();
        using var package = new LoadPackage(name);
        using var model = LanguageModel.Load(package.Folder, null, decoder => new FaultyDecoder(decoder, faults));
        var request = Request([5, 9, 200]);
        var expected = await IdsAsync(model, request);
        faults.ImpossibleResizes = 1;
        var larger = Request([.. Enumerable.Range(3, 100)]);
        var error = await Assert.ThrowsAsync<InvalidOperationException>(() => IdsAsync(model, larger));
        Assert.Equal(
            "There is no memory for a sequence of '100' tokens. Lower MaxBatchSize, ContextLength or "
            + "KeyValueCacheBytes.",
            error.Message);
        Assert.Equal(expected, await IdsAsync(model, request));
        Assert.Equal(6, (await IdsAsync(model, larger)).Length);
    }

    [Fact]
    public async Task KeepPrefix_Fails_FailsNoOther()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var request = Request([.. Enumerable.Range(3, 40)]);
        var expected = await IdsAsync(model, request);

        // What a cancelled request leaves is kept between steps, what an ended one leaves after its last token.
        using var source = new CancellationTokenSource();
        var other = IdsAsync(model, request with { PromptIds = [9, 9, 9], MaxOutputTokens = 60 });
        var cancelled = model.CollectAsync(
            Request([.. Enumerable.Range(40, 40)]) with
            {
                MaxOutputTokens = null,
                LogitsProcessors = [new Trigger(4, Cancel)],
            },
            source.Token);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cancelled);
        Assert.Equal(60, (await other).Length);
        faults.FailReads = 1;
        Assert.Equal(6, (await IdsAsync(model, Request([.. Enumerable.Range(50, 40)]))).Length);
        Assert.Equal(0, faults.FailReads);
        Assert.Equal(expected, await IdsAsync(model, request));

        void Cancel()
        {
            faults.FailReads = 1;
            source.Cancel();
        }
    }

    /// <summary>The run of a real session ends before its end when its request is cancelled.</summary>
    [Fact]
    public async Task GenerateAsync_CancelledDuringPrefill_EndsTheSessionsRun()
    {
        using var source = new CancellationTokenSource();
        var faults = new Faults();
        using var model = Load(faults);
        faults.BeforePrefill = source.Cancel;
        var request = Request([.. Enumerable.Range(3, 60)]);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => model.CollectAsync(request, source.Token));

        // Answered after it, so the run has ended by now.
        faults.BeforePrefill = null;
        Assert.Equal(6, (await IdsAsync(model, request)).Length);
        Assert.IsType<OnnxRuntimeException>(faults.Ended);
        Assert.Contains("terminate", faults.Ended.Message, StringComparison.OrdinalIgnoreCase);
    }

    private static LanguageModel Load(Faults faults)
        => LanguageModel.Load(
            PackageCases.Folder(PackageCases.Exact), null, decoder => new FaultyDecoder(decoder, faults));

    private static GenerationRequest Request(int[] prompt)
        => new() { PromptIds = prompt, MaxOutputTokens = 6, IgnoreEndOfSequence = true };

    private static async Task<int[]> IdsAsync(LanguageModel model, GenerationRequest request)
        => [.. (await model.CollectAsync(request)).Select(token => token.Id)];
}
