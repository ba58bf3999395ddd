using Slipway.Checkpoints;
using Slipway.Testing;

namespace Slipway.Export.Tests.Architectures;

public sealed class EngineParityTests
{
    private static readonly int[] Lengths = [7, 24, 48];

    [Theory]
    [MemberData(nameof(DecoderParityTests.Names), MemberType = typeof(DecoderParityTests))]
    public async Task Generate_UnequalRowsAndSmallChunks_GivesTheReferencesTokens(string name)
    {
        var source = SharedAssets.Path("tiny", name);
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(source))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        using var expected = Checkpoint.Open(Path.Combine(source, "expected.safetensors"));
        using var model = LanguageModel.Load(
            folder["package"], new LanguageModelOptions { MaxPrefillTokens = 5, MaxMixedPrefillTokens = 3 });

        // Each prompt twice: rows of one batch, some of which still read their prompt while others generate.
        int[][] prompts = [.. Lengths.Concat(Lengths).Select(length => Ids(expected, $"input_ids_{length}"))];
        var answers = await Task.WhenAll(prompts.Select(prompt => AnswerAsync(model, prompt)));

        Assert.Equal([.. Lengths.Concat(Lengths).Select(length => Ids(expected, $"greedy_{length}"))], answers);

        // What one answer left behind must not show in the next, nor a prompt of a single token.
        Assert.Equal(answers[0], await AnswerAsync(model, prompts[0]));
        Assert.Equal(await AnswerAsync(model, [prompts[0][0]]), await AnswerAsync(model, [prompts[0][0]]));
    }

    [Fact]
    public async Task Generate_MemoryForTwoRows_ComputesStatesAgainWithTheSameTokens()
    {
        using TemporaryFolder folder = new();
        using (var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", "qwen3.5")))
        {
            Exporter.Export(checkpoint, folder["package"]);
        }

        // Three layers of states, read and written; one of keys and values for 128 tokens.
        const int row = (2 * 3 * ((128 * 3) + (4 * 16 * 16)) * 4) + (128 * 2 * 2 * 32 * 4);
        using var alone = LanguageModel.Load(folder["package"]);
        using var tight = LanguageModel.Load(
            folder["package"], new LanguageModelOptions { KeyValueCacheBytes = 2 * row, MaxBatchSize = 8 });
        int[][] prompts = [.. Enumerable.Range(0, 5).Select(index => Enumerable.Range(3, 9 + (7 * index)).ToArray())];
        List<int[]> expected = [];
        foreach (var prompt in prompts)
        {
            expected.Add(await AnswerAsync(alone, prompt, longest: null));
        }

        var answers = await Task.WhenAll(prompts.Select(prompt => AnswerAsync(tight, prompt, longest: null)));

        Assert.Equal(expected, answers);
    }

    private static int[] Ids(Checkpoint checkpoint, string name) => DecoderParityTests.Ints(checkpoint, name);

    internal static async Task<int[]> AnswerAsync(LanguageModel model, int[] prompt, int? longest = 12)
    {
        GenerationRequest request = new()
        {
            PromptIds = prompt, MaxOutputTokens = longest, IgnoreEndOfSequence = true,
        };
        List<int> ids = [];
        await foreach (var token in model.GenerateAsync(request, TestContext.Current.CancellationToken))
        {
            ids.Add(token.Id);
        }

        return [.. ids];
    }
}
