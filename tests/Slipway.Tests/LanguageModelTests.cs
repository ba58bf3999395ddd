namespace Slipway.Tests;

public sealed class LanguageModelTests(ITestOutputHelper output)
{
    public static TheoryData<string> Packages => [.. PackageCases.Names];

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task GenerateAsync_PackageMadeElsewhere_GivesItsTokens(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name));
        foreach (var item in PackageCases.Read(name))
        {
            var tokens = await model.CollectAsync(new GenerationRequest
            {
                PromptIds = item.PromptIds,
                MaxOutputTokens = item.OutputIds.Length,
            });

            // GenAI pads with 0 after the end.
            var expected = item.OutputIds.TakeWhile((_, i) => i == 0 || item.OutputIds[i - 1] != 2).ToArray();
            Assert.Equal(expected, tokens.Select(token => token.Id));
            Assert.All(tokens.SkipLast(1), token => Assert.Null(token.FinishReason));
            Assert.Equal(expected[^1] == 2 ? FinishReason.Stop : FinishReason.Length, tokens[^1].FinishReason);
            Assert.Equal(item.PromptIds.Length, tokens[^1].Usage!.PromptTokens);
            Assert.Equal(expected.Length, tokens[^1].Usage!.OutputTokens);
        }
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task ForwardAsync_PackageMadeElsewhere_GivesItsLogits(string name)
    {
        using var model = LanguageModel.Load(PackageCases.Folder(name));
        var largest = 0f;
        foreach (var item in PackageCases.Read(name))
        {
            var logits = await model.ForwardAsync(item.PromptIds);
            Assert.Equal(item.PromptIds.Length, logits.Length);
            var difference = logits[logits.Length - 1].ToArray().Zip(item.LastLogits, (x, y) => Math.Abs(x - y)).Max();
            largest = Math.Max(largest, difference);
        }

        output.WriteLine($"{name}: largest difference {largest:0.0e+0}");
        Assert.InRange(largest, 0, 1e-4f);
    }

    [Theory]
    [MemberData(nameof(Packages))]
    public async Task GenerateAsync_ManyAtOnce_GivesTheTokensOfEachAlone(string name)
    {
        var options = new LanguageModelOptions { MaxBatchSize = 5, PrefillChunk = 7, SharedPrefillChunk = 3 };
        using var model = LanguageModel.Load(PackageCases.Folder(name), options);
        var cases = PackageCases.Read(name);
        var requests = Enumerable.Range(0, 24).Select(i => new GenerationRequest
        {
            PromptIds = cases[i % cases.Length].PromptIds,
            MaxOutputTokens = 1 + (i * 5 % cases[0].OutputIds.Length),
            IgnoreEndOfSequence = true,
        }).ToArray();

        var alone = new List<int[]>();
        foreach (var request in requests)
        {
            alone.Add([.. (await model.CollectAsync(request)).Select(token => token.Id)]);
        }

        var together = await Task.WhenAll(requests.Select(request => Task.Run(() => model.CollectAsync(request))));
        Assert.Equal(alone, together.Select(tokens => tokens.Select(token => token.Id).ToArray()));
    }
}
