using Slipway.Testing;

namespace Slipway.Tests.Generation;

public sealed class ContinuationScoreTests
{
    [Theory]
    [InlineData("qwen3-fp32")]
    [InlineData("llama-int4")]
    [InlineData("granite-int4")]
    public async Task ScoreContinuation_SamePrompt_EqualsTheScoresOfTheWhole(string name)
    {
        using var model = LanguageModel.Load(
            SharedAssets.Path("genai-packages", name),
            new LanguageModelOptions { ContextLength = 128, MaxPrefillTokens = 7 });
        int[] prompt = [.. Enumerable.Range(0, 40).Select(i => (i * 31 + 7) % model.VocabularySize)];
        int[][] continuations = [[5, 6, 7], [5, 9], [100, 3, 8, 11, 2, 4, 9, 30, 31, 7, 6, 5], [1]];
        var scores = await Task.WhenAll(continuations.Select(continuation => model.ScoreContinuationAsync(
            [.. prompt, .. continuation], prompt.Length, TestContext.Current.CancellationToken)));
        foreach (var (continuation, score) in continuations.Zip(scores))
        {
            var whole = await model.ScoreAsync([.. prompt, .. continuation], TestContext.Current.CancellationToken);
            Assert.Equal(continuation.Length, score.Length);
            Assert.All(
                whole[^continuation.Length..].Zip(score), pair => Assert.Equal(pair.First, pair.Second, 1e-3f));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    public async Task ScoreContinuation_NothingOnOneSide_IsRefused(int promptLength)
    {
        using var model = LanguageModel.Load(SharedAssets.Path("genai-packages", "qwen3-fp32"));
        var error = await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => model.ScoreContinuationAsync(
            [1, 2, 3], promptLength, TestContext.Current.CancellationToken));
        Assert.StartsWith(
            $"The prompt has {promptLength} of 3 tokens; expected from 1 to 2", error.Message,
            StringComparison.Ordinal);
    }
}
