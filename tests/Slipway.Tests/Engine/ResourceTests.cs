using Slipway.Engine.Cache;
using Slipway.Tests.Engine.Load;

namespace Slipway.Tests.Engine;

/// <summary>Shows that a model under load keeps nothing that it no longer needs.</summary>
[Collection(WholeProcess.Name)]
public sealed class ResourceTests(ITestOutputHelper output)
{
    private const int TokenBytes = 3 * 2 * 2 * 16 * sizeof(float);

    [Fact]
    public async Task Generate_ThousandsOfRequests_MemoryStaysFlatAndNoHandleIsLeft()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and handles are counted in '/proc'.");
        const int rounds = 18, requests = 150, warmUp = 4;
        using var package = new LoadPackage("llama", "attention", "all-linear");
        var random = new Random(7);
        var cases = LoadCase.Draw(random, 40, package.Adapters);
        using var reference = await LoadReference.CreateAsync(package.Folder, cases);
        ProcessState.Load(package.Folder, LoadRun.Options(TokenBytes)).Dispose();
        ProcessState.ResidentBytes();
        var (buffers, handles, threads) = (NativeBuffer.LiveBytes, ProcessState.Handles(), ProcessState.ModelThreads());
        var resident = new List<long>();
        await using (var model = ProcessState.Load(package.Folder, LoadRun.Options(TokenBytes)))
        {
            Assert.True(ProcessState.ModelThreads() > threads);
            for (var round = 0; round < warmUp + rounds; round++)
            {
                await LoadRun.RunAsync(model, LoadPlan.Draw(random, requests, cases), reference, random);
                resident.AddRange(round < warmUp ? [] : [ProcessState.ResidentBytes()]);
            }

            Assert.Equal(0, ProcessState.Gauge("slipway.queued", "package"));
            Assert.True(NativeBuffer.LiveBytes > buffers);
        }

        var (first, last) = (Median(resident[..(rounds / 3)]), Median(resident[^(rounds / 3)..]));
        output.WriteLine($"resident {first >> 10} kB, then {last >> 10} kB; handles {handles}, threads {threads}");

        // A row of keys and values left behind by each request would be 180 MB.
        Assert.InRange(last - first, long.MinValue, 12 << 20);
        Assert.Equal(buffers, NativeBuffer.LiveBytes);
        Assert.True(await ProcessState.ComesTrueAsync(() => ProcessState.Handles() <= handles), "Handles are left.");
        Assert.True(
            await ProcessState.ComesTrueAsync(() => ProcessState.ModelThreads() == threads), "Threads are left.");
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen3.5")]
    public async Task Dispose_WhileBusy_FreesEverything(string name)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Threads and handles are counted in '/proc'.");
        using var package = new LoadPackage(name);
        var options = new LanguageModelOptions { KeyValueCacheBytes = 16 << 20 };
        ProcessState.Load(package.Folder, options).Dispose();
        ProcessState.ResidentBytes();
        var (buffers, handles, threads) = (NativeBuffer.LiveBytes, ProcessState.Handles(), ProcessState.ModelThreads());
        for (var round = 0; round < 8; round++)
        {
            var model = ProcessState.Load(package.Folder, options);
            var requests = Enumerable.Range(3, 6).Select(first => LoopAsync(model, first)).ToArray();
            await Task.WhenAny(requests.Select(request => request.Begun));
            await model.DisposeAsync();
            foreach (var request in requests)
            {
                await Assert.ThrowsAsync<ObjectDisposedException>(() => request.Loop);
            }

            Assert.Equal(buffers, NativeBuffer.LiveBytes);
        }

        Assert.True(await ProcessState.ComesTrueAsync(() => ProcessState.Handles() <= handles), "Handles are left.");
        Assert.True(
            await ProcessState.ComesTrueAsync(() => ProcessState.ModelThreads() == threads), "Threads are left.");
    }

    [Fact]
    public async Task Idle_ForAWhile_KeepsOnlyKnownPrefixes()
    {
        var clock = new ManualTime();
        using var package = new LoadPackage("llama");
        using var model = LanguageModel.Load(
            package.Folder, new() { TimeProvider = clock, KeyValueCacheBytes = 16 << 20 });
        var request = new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(3, 70)], MaxOutputTokens = 11, IgnoreEndOfSequence = true,
        };
        var before = await model.CollectAsync(request);
        Assert.True(ProcessState.Gauge("slipway.kv_bytes", "package") > 80 * TokenBytes);

        // The clock's timer is there once the engine waits.
        const int kept = 80 / PrefixCache.BlockTokens * PrefixCache.BlockTokens * TokenBytes;
        Assert.True(await ProcessState.ComesTrueAsync(() =>
        {
            clock.Fire();
            return ProcessState.Gauge("slipway.kv_bytes", "package") == kept;
        }));

        var after = await model.CollectAsync(request);
        Assert.Equal(64, after[^1].Usage!.CachedTokens);
        Assert.Equal(before.Select(token => token.Id), after.Select(token => token.Id));
    }

    private static (Task Begun, Task Loop) LoopAsync(LanguageModel model, int first)
    {
        var begun = new TaskCompletionSource();
        return (begun.Task, Task.Run(async () =>
        {
            while (true)
            {
                var request = new GenerationRequest { PromptIds = [first, 4, 5], IgnoreEndOfSequence = true };
                await foreach (var token in model.GenerateAsync(request))
                {
                    _ = token;
                    begun.TrySetResult();
                }
            }
        }));
    }

    private static long Median(IEnumerable<long> values)
    {
        long[] sorted = [.. values.Order()];
        return sorted[sorted.Length / 2];
    }
}
