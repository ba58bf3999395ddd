using Slipway.Export;

namespace Slipway.Tests.Engine.Windows;

/// <summary>What models give whose layers keep a window only, beside what they give with full caches.</summary>
public sealed class WindowTests(ITestOutputHelper output)
{
    private static readonly LanguageModelOptions Small = new()
    {
        MaxPrefillTokens = 7, MaxMixedPrefillTokens = 3, MaxBatchSize = 5, DraftBatchSize = 8,
    };

    // A window of 8 in a context of 128: with a slack of 1 every second token makes others give way.
    // Single precision is compared with ONNX Runtime's kernels, codes with those that round in the same places.
    public static TheoryData<string, int?, KeyValuePrecision, bool> Cases { get; } = new()
    {
        { "mistral-window", null, KeyValuePrecision.Float32, true },
        { "mistral-window", 1, KeyValuePrecision.Float32, true },
        { "mistral-window", 1, KeyValuePrecision.Float32, false },
        { "mistral-window", 5, KeyValuePrecision.Int8, true },
        { "mistral-window", 3, KeyValuePrecision.Float16, true },
        { "gemma2", 5, KeyValuePrecision.Float32, true },
        { "gemma3", 1, KeyValuePrecision.Float32, true },
        { "gemma3", 16, KeyValuePrecision.Int4, true },
        { "gemma3", 16, KeyValuePrecision.Float32, false },
        { "gpt-oss", 5, KeyValuePrecision.Float32, true },
        { "gpt-oss", null, KeyValuePrecision.Float32, true },
    };

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Generate_UnequalRowsManyWindowsLong_GivesTheTokensOfAFullCache(
        string name, int? slack, KeyValuePrecision cache, bool kernels)
    {
        using var package = new WindowPackage(name, slack, cache);
        using var full = LanguageModel.Load(package.Full, Full(cache, kernels));
        using var sliding = LanguageModel.Load(package.Sliding, Small with { UseKernels = kernels });
        var requests = Requests();
        var expected = new List<List<GeneratedToken>>();
        foreach (var request in requests)
        {
            expected.Add(await full.CollectAsync(request));
        }

        // Twice: in the second round most prompts are known in part.
        var cached = 0;
        for (var round = 0; round < 2; round++)
        {
            var answers = await Task.WhenAll(requests.Select(request => Task.Run(() => sliding.CollectAsync(request))));
            var max = expected.Zip(answers).Max(pair => Compare(pair.First, pair.Second));
            output.WriteLine($"{name}: largest difference {max:0.0e+0}");
            Assert.InRange(max, 0, 1e-4f);
            cached = answers.Sum(tokens => tokens[^1].Usage!.CachedTokens);
        }

        // Of what a cache keeps that is smaller than a block of tokens, no block is ever whole.
        output.WriteLine($"{cached} of {requests.Sum(request => request.PromptIds!.Count)} tokens were known");
        Assert.True(slack is not null || cached > requests.Sum(request => request.PromptIds!.Count) / 2);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Generate_Guesses_GivesTheTokensOfAFullCache(
        string name, int? slack, KeyValuePrecision cache, bool kernels)
    {
        using var package = new WindowPackage(name, slack, cache);
        using var full = LanguageModel.Load(package.Full, Full(cache, kernels));
        using var sliding = LanguageModel.Load(package.Sliding, Small with { UseKernels = kernels });
        var requests = Requests().Select(request => request with { DraftTokens = 6 }).ToArray();
        var answers = await Task.WhenAll(requests.Select(request => Task.Run(() => sliding.CollectAsync(request))));
        foreach (var (request, tokens) in requests.Zip(answers))
        {
            Assert.InRange(Compare(await full.CollectAsync(request with { DraftTokens = 0 }), tokens), 0, 1e-4f);
        }

        var usages = answers.Select(tokens => tokens[^1].Usage!).ToArray();
        output.WriteLine($"{usages.Sum(usage => usage.AcceptedTokens)} of {usages.Sum(usage => usage.DraftedTokens)}");
        Assert.True(usages.Sum(usage => usage.DraftedTokens - usage.AcceptedTokens) > 0);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task Generate_BudgetTooSmallForAll_ComputesAgainWithTheSameTokens(
        string name, int? slack, KeyValuePrecision cache, bool kernels)
    {
        using var package = new WindowPackage(name, slack, cache);
        using var full = LanguageModel.Load(package.Full, Full(cache, kernels));
        long row;
        using (var probe = LanguageModel.Load(package.Sliding))
        {
            row = probe.Size.BytesFor(128);
        }

        using var tight = LanguageModel.Load(package.Sliding, new()
        {
            KeyValueCacheBytes = (2 * row) + (row / 2), PrefixCacheBytes = row / 2, MaxBatchSize = 9,
                MaxPrefillTokens = 9,
            MaxMixedPrefillTokens = 4, UseKernels = kernels,
        });
        var requests = Requests();
        var answers = await Task.WhenAll(requests.Select(request => Task.Run(() => tight.CollectAsync(request))));
        foreach (var (request, tokens) in requests.Zip(answers))
        {
            Assert.InRange(Compare(await full.CollectAsync(request), tokens), 0, 1e-4f);
        }
    }

    [Theory]
    [InlineData("mistral-window", null)]
    [InlineData("mistral-window", 40)]
    [InlineData("gemma3", null)]
    [InlineData("gpt-oss", 30)]
    public async Task Generate_SecondTurnsAndSharedBeginnings_AreKnownAsWithAFullCache(string name, int? slack)
    {
        using var package = new WindowPackage(name, slack);
        using var full = LanguageModel.Load(package.Full, Full(KeyValuePrecision.Float32, kernels: true));
        using var sliding = LanguageModel.Load(package.Sliding, new() { MaxPrefillTokens = 16 });
        int[] system = [.. Enumerable.Range(0, 37).Select(i => 3 + (i * 7 % 90))];
        List<int> conversation = [.. system];
        for (var turn = 0; turn < 3; turn++)
        {
            conversation.AddRange([40 + turn, 41, 42]);
            var request = new GenerationRequest
            {
                PromptIds = [.. conversation], MaxOutputTokens = 21, IgnoreEndOfSequence = true, LogProbabilities = 0,
            };
            var expected = await full.CollectAsync(request);
            var tokens = await sliding.CollectAsync(request);
            Assert.InRange(Compare(expected, tokens), 0, 1e-4f);
            Assert.Equal(expected[^1].Usage!.CachedTokens, tokens[^1].Usage!.CachedTokens);
            conversation.AddRange(tokens.Select(token => token.Id));
        }

        // Another user of the same system prompt.
        var other = new GenerationRequest { PromptIds = [.. system, 60, 61], MaxOutputTokens = 1 };
        Assert.Equal(32, (await sliding.CollectAsync(other))[^1].Usage!.CachedTokens);
    }

    private static LanguageModelOptions Full(KeyValuePrecision cache, bool kernels)
        => Small with { UseKernels = kernels && cache != KeyValuePrecision.Float32 };

    private static GenerationRequest[] Requests()
        => [.. new[] { 1, 6, 19, 33, 50, 64, 72, 81, 97, 110, 124 }.Select(length => new GenerationRequest
        {
            PromptIds = [.. Enumerable.Range(0, length).Select(i => 3 + ((length + (i * i)) % 23))],
            IgnoreEndOfSequence = true,
            LogProbabilities = 0,
        })];

    private static float Compare(List<GeneratedToken> expected, List<GeneratedToken> actual)
    {
        Assert.Equal(expected.Select(token => token.Id), actual.Select(token => token.Id));
        return expected.Zip(actual, (x, y) => Math.Abs(x.LogProbability!.Value - y.LogProbability!.Value)).Max();
    }
}
