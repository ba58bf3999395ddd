using Slipway.Tests.Engine.Load;

namespace Slipway.Tests.Engine;

public sealed class SimulationTests(ITestOutputHelper output)
{
    private const int LlamaTokenBytes = 3 * 2 * 2 * 16 * sizeof(float);

    /// <summary>Requests of all kinds come and go at random on a budget that is too small for them.</summary>
    [Theory]
    [InlineData(1, 1200)]
    [InlineData(2, 1200)]
    public Task Generate_RandomLoadWithAdapters_AnswersEachOnceWithItsTokens(int seed, int requests)
        => SimulateAsync(new LoadPackage("llama", "attention", "all-linear"), seed, requests, LlamaTokenBytes);

    /// <summary>The same on a model whose layers have states, windows, or a latent cache.</summary>
    [Theory]
    [InlineData("qwen3.5", 300, 2 * 2 * 32 * sizeof(float), 2 * 3 * ((128 * 3) + (4 * 16 * 16)) * sizeof(float))]
    [InlineData("mistral-window", 300, LlamaTokenBytes, 0)]
    [InlineData("gemma3", 300, 7 * 2 * 2 * 32 * sizeof(float), 0)]
    [InlineData("deepseek-v3", 300, LlamaTokenBytes, 0)]
    public Task Generate_RandomLoadOnOtherModels_AnswersEachOnceWithItsTokens(
        string model, int requests, int tokenBytes, int rowBytes)
        => SimulateAsync(new LoadPackage(model), 3, requests, tokenBytes, rowBytes);

    /// <summary>A longer one, run on demand.</summary>
    [Theory(Explicit = true)]
    [InlineData(11)]
    [InlineData(12)]
    [InlineData(13)]
    public Task Generate_LongRandomLoad_AnswersEachOnceWithItsTokens(int seed)
        => SimulateAsync(new LoadPackage("llama", "attention", "all-linear"), seed, 20_000, LlamaTokenBytes);

    private async Task SimulateAsync(LoadPackage package, int seed, int requests, long tokenBytes, long rowBytes = 0)
    {
        using (package)
        {
            var random = new Random(seed);
            var cases = LoadCase.Draw(random, 60, package.Adapters);
            using var reference = await LoadReference.CreateAsync(package.Folder, cases);
            using var model = LanguageModel.Load(package.Folder, LoadRun.Options(tokenBytes, rowBytes));

            var counts = await LoadRun.RunAsync(model, LoadPlan.Draw(random, requests, cases), reference, random);

            output.WriteLine(
                string.Join(", ", counts.OrderBy(pair => pair.Key).Select(pair => $"{pair.Key}: {pair.Value}")));
            Assert.Equal(requests, counts.Values.Sum());
            Assert.True(counts[LoadOutcome.Complete] >= requests / 2);
            Assert.True(counts[LoadOutcome.Cancelled] > 0);
            Assert.InRange(counts.GetValueOrDefault(LoadOutcome.Tied), 0, requests / 20);

            // Nothing is left behind: it drains at once, and refuses then.
            await model.DrainAsync();
            await Assert.ThrowsAsync<InvalidOperationException>(
                () => model.CollectAsync(new GenerationRequest { PromptIds = [3] }));
        }
    }
}
