using Slipway.Engine.Cache;
using Slipway.Kernels.Interop;
using Slipway.Tests.Engine.Load;

namespace Slipway.Tests.Engine.Scheduling;

/// <summary>A prompt's run is interrupted for steps of the sequences that decode.</summary>
public sealed class PrefillInterleaverTests
{
    private const int Tokens = 12;
    private static readonly GenerationRequest Short = new()
    {
        PromptIds = [3, 4, 5], MaxOutputTokens = Tokens, IgnoreEndOfSequence = true,
    };

    private static readonly GenerationRequest Long = Short with { PromptIds = [.. Enumerable.Range(3, 90)] };

    [Fact]
    public async Task Prompt_UnderWay_OthersDecodeWithinItsRunWithTheSameTokens()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var (first, second) = (await IdsAsync(model, Short), await IdsAsync(model, Long));

        var (running, newcomer) = Begin(model, faults);

        Assert.Equal(first, await running);
        Assert.Equal(second, await newcomer());
        Assert.True(HasNestedDecode(faults));
    }

    /// <summary>A run of a prompt's last token is a prompt's still, and not a step for others to make.</summary>
    [Fact]
    public async Task Prompt_AllButItsLastTokenIsKnown_IsNotPartOfTheStepsThatInterruptIt()
    {
        var faults = new Faults();
        using var model = Load(faults, prefixBytes: null);
        var request = Long with { PromptIds = [.. Long.PromptIds.Take((5 * PrefixCache.BlockTokens) + 1)] };
        var (first, second) = (await IdsAsync(model, Short), await IdsAsync(model, request));

        var (running, newcomer) = Begin(model, faults, prompt: request);

        Assert.Equal(first, await running);
        Assert.Equal(second, await newcomer());
        Assert.True(HasNestedDecode(faults));
    }

    [Fact]
    public async Task Step_FailsWithinAPromptsRun_FailsItsRequestAlone()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var second = await IdsAsync(model, Long);
        faults.BeforeBreak = () => faults.FailDecodes = 1;

        var (running, newcomer) = Begin(model, faults);

        Assert.Equal("decode fault", (await Assert.ThrowsAsync<InvalidOperationException>(() => running)).Message);
        Assert.Equal(second, await newcomer());
    }

    /// <summary>The step in progress ends, and the prompt's run does at its next kernel.</summary>
    [Fact]
    public async Task Prompt_CancelledWithinAStepThatInterruptsIt_EndsAndOthersGoOn()
    {
        var faults = new Faults();
        using var model = Load(faults);
        var first = await IdsAsync(model, Short);
        using var source = new CancellationTokenSource();
        var isBreak = false;
        faults.BeforeBreak = () => isBreak = true;

        var (running, newcomer) = Begin(model, faults, () =>
        {
            if (isBreak)
            {
                source.Cancel();
            }
        }, cancellationToken: source.Token);

        Assert.Equal(first, await running);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(newcomer);
        Assert.NotNull(faults.Ended);
        faults.OfferBreaks = false;
        Assert.Equal(first, await IdsAsync(model, Short));
    }

    [Fact]
    public async Task Dispose_WithinAStepThatInterruptsAPrompt_EndsBoth()
    {
        var faults = new Faults();
        var model = Load(faults);
        var isBreak = false;
        Task? disposal = null;
        faults.BeforeBreak = () => isBreak = true;

        var (running, newcomer) = Begin(model, faults, () =>
        {
            if (isBreak)
            {
                disposal ??= Task.Run(model.Dispose);
                faults.Terminated.Wait();
            }
        });

        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(newcomer);
        await disposal!;
    }

    /// <summary>The same with the operators that offer the breaks, whose rows keep what they hold.</summary>
    [Fact]
    public async Task Prompt_RunsInKernels_IsInterruptedWithTheSameTokens()
    {
        Assert.SkipUnless(KernelLibrary.IsSupported, "The kernels need AVX2 or AdvSimd.");
        using var package = new LoadPackage("llama");
        var faults = new Faults();
        using var model = LanguageModel.Load(
            package.Folder, new LanguageModelOptions { Threads = 2, PrefixCacheBytes = 0 },
            decoder => new FaultyDecoder(decoder, faults));
        var (first, second) = (await IdsAsync(model, Short), await IdsAsync(model, Long));
        for (var i = 0; i < 200 && !HasNestedDecode(faults); i++)
        {
            Task<int[]>? newcomer = null;
            Assert.Equal(first, await IdsAsync(model, Short with
            {
                LogitsProcessors = [new Trigger(2, () => newcomer = IdsAsync(model, Long))],
            }));
            Assert.Equal(second, await newcomer!);
        }

        Assert.True(HasNestedDecode(faults));
    }

    private static LanguageModel Load(Faults faults, long? prefixBytes = 0)
        => LanguageModel.Load(
            PackageCases.Folder(PackageCases.Exact), new LanguageModelOptions { PrefixCacheBytes = prefixBytes },
            decoder => new FaultyDecoder(decoder, faults));

    // A stream decodes; at its third token a prompt comes, whose run offers breaks.
    private static (Task<int[]> Running, Func<Task<int[]>> Newcomer) Begin(
        LanguageModel model,
        Faults faults,
        Action? inStep = null,
        GenerationRequest? prompt = null,
        CancellationToken cancellationToken = default)
    {
        Task<int[]>? newcomer = null;
        var running = IdsAsync(model, Short with
        {
            LogitsProcessors =
            [
                new Trigger(2, () =>
                {
                    faults.OfferBreaks = true;
                    newcomer = IdsAsync(model, prompt ?? Long, cancellationToken);
                }),
                .. Enumerable.Range(3, Tokens).Select(count => new Trigger(count, () => inStep?.Invoke())),
            ],
        }, CancellationToken.None);
        return (running, async () =>
        {
            await Task.WhenAny(running);
            return await newcomer!;
        });
    }

    // A step between the beginning of a prompt's run and its end.
    private static bool HasNestedDecode(Faults faults)
    {
        var calls = faults.Calls.ToArray();
        return calls.Zip(calls.Skip(1)).Contains(("prefill", "decode"));
    }

    private static async Task<int[]> IdsAsync(
        LanguageModel model, GenerationRequest request, CancellationToken cancellationToken = default)
        => [.. (await model.CollectAsync(request, cancellationToken)).Select(token => token.Id)];
}
