using Slipway.Packaging;

namespace Slipway.Tests.Engine.Adapters;

public sealed class AdapterSetTests(ITestOutputHelper output)
{
    private const int Longest = 16;
    private const float Decided = 1e-3f;
    private static readonly string?[] Names = [null, "attention", "all-linear"];

    [Fact]
    public async Task Generate_SamePromptWithEachAdapter_SharesNoKeysAndValues()
    {
        using var package = new AdapterPackage();
        using var model = LanguageModel.Load(package.Folder);
        int[] prompt = [.. Enumerable.Range(3, 50)];
        var first = new List<int[]>();
        foreach (var name in Names)
        {
            var tokens = await model.CollectAsync(Request(prompt, name));
            Assert.Equal(0, tokens[^1].Usage!.CachedTokens);
            first.Add(Ids(tokens));
        }

        foreach (var (i, name) in Names.Index())
        {
            var tokens = await model.CollectAsync(Request(prompt, name));
            Assert.Equal(48, tokens[^1].Usage!.CachedTokens);
            Assert.Equal(first[i], Ids(tokens));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task Generate_RandomLoadOnASmallBudget_GivesTheTokensOfEachAlone(int seed)
    {
        const int requests = 200;
        using var package = new AdapterPackage();
        var random = new Random(seed);
        int[][] prompts = [.. Enumerable.Range(0, 9).Select(_ =>
            Enumerable.Range(0, random.Next(1, 50)).Select(_ => random.Next(3, 200)).ToArray())];
        var alone = new List<GeneratedToken>[prompts.Length, Names.Length];
        using (var plain = LanguageModel.Load(package.Folder, new() { PrefixCacheBytes = 0 }))
        {
            for (var prompt = 0; prompt < prompts.Length; prompt++)
            {
                foreach (var (i, name) in Names.Index())
                {
                    alone[prompt, i] = await plain.CollectAsync(Request(prompts[prompt], name));
                }
            }
        }

        // Three layers of keys and values of two heads of 16; room for about four of the longest sequences.
        using var model = LanguageModel.Load(package.Folder, new()
        {
            KeyValueCacheBytes = 3 * 2 * 2 * 16 * sizeof(float) * 300, MaxBatchSize = 6, QueueCapacity = requests,
            MaxPrefillTokens = 16, MaxMixedPrefillTokens = 5,
        });
        var outcomes = await Task.WhenAll(Enumerable.Range(0, requests).Select(_ =>
        {
            var (prompt, name) = (random.Next(prompts.Length), random.Next(Names.Length));
            int? cancelAfter = random.Next(5) == 0 ? random.Next(1, Longest) : null;
            return Task.Run(() => RunAsync(
                model, Request(prompts[prompt], Names[name]), alone[prompt, name], cancelAfter));
        }));
        var complete = outcomes.Count(ended => ended);
        output.WriteLine($"{complete} complete, {requests - complete} cancelled");
        Assert.InRange(complete, requests / 2, requests - 1);
    }

    [Fact]
    public async Task Generate_AdapterOfAPackageWithoutAny_IsRefused()
    {
        var package = PackageCases.Folder("qwen3-fp32");
        using var model = LanguageModel.Load(package);
        Assert.Empty(model.Adapters);
        var error = await Assert.ThrowsAsync<ArgumentException>(() => model.CollectAsync(Request([3], "poems")));
        Assert.Equal(
            $"The request asks for the adapter 'poems'; the package '{package}' has none. Export it with the adapter, "
            + "or ask for none. (Parameter 'request')",
            error.Message);
    }

    [Fact]
    public void Load_AdapterOfAnotherRank_NamesShapesAndRank()
    {
        using var package = new AdapterPackage();
        package.Change(manifest => manifest["adapters"]![1]!["rank"] = 5);
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(package.Folder));
        Assert.Matches(
            @"^Tensor '.*' in '.*attention\.safetensors' has the shape \[.*\] beside a second factor; expected \[.*\] "
            + "from the rank 5 of the adapter 'attention' and the graph. Export the package again.$",
            error.Message);
    }

    [Fact]
    public void Load_MissingAdapterFile_NamesFileAndAdapter()
    {
        using var package = new AdapterPackage();
        package.ForgetHashes();
        File.Delete(package.File);
        var error = Assert.Throws<PackageException>(() => LanguageModel.Load(package.Folder));
        Assert.Equal(
            $"The package '{package.Folder}' has no file 'adapters/attention.safetensors', which 'slipway.json' names "
            + "for the adapter 'attention'. Copy or export the package again.",
            error.Message);
    }

    private static async Task<bool> RunAsync(
        LanguageModel model,
        GenerationRequest request,
        List<GeneratedToken> alone,
        int? cancelAfter)
    {
        using var source = new CancellationTokenSource();
        var count = 0;
        try
        {
            await foreach (var token in model.GenerateAsync(request, source.Token))
            {
                if (token.Id != alone[count].Id)
                {
                    // After a near tie that went the other way the rest of the answer is another one.
                    Assert.InRange(Margin(alone[count]), 0, Decided);
                    return true;
                }

                if (++count == cancelAfter)
                {
                    await source.CancelAsync();
                }
            }
        }
        catch (OperationCanceledException) when (cancelAfter is not null)
        {
            return false;
        }

        Assert.Equal(Longest, count);
        return true;
    }

    private static float Margin(GeneratedToken token)
        => token.Alternatives[0].LogProbability - token.Alternatives[1].LogProbability;

    private static GenerationRequest Request(int[] prompt, string? adapter) => new()
    {
        PromptIds = prompt, MaxOutputTokens = Longest, IgnoreEndOfSequence = true, LogProbabilities = 2,
        Adapter = adapter,
    };

    private static int[] Ids(List<GeneratedToken> tokens) => [.. tokens.Select(token => token.Id)];
}
