using Slipway.Sampling;

namespace Slipway.Tests.Sampling;

public sealed class ProcessorTests
{
    private const float None = float.NegativeInfinity;

    [Fact]
    public void OccurrencePenalty_TokensOfTheAnswer_SubtractsByCount()
        => AssertLogits(
            [1, 2, 3, 4],
            [1, 2 - 0.5f - 0.5f, 3 - 0.5f - 0.25f, 4],
            new() { PresencePenalty = 0.5, FrequencyPenalty = 0.25 },
            prompt: [0, 0, 3],
            answer: [1, 2, 1]);

    [Fact]
    public void LogitBias_ListedTokens_AddsItsValue()
        => AssertLogits(
            [1, 2, 3, 4],
            [1, 102, 3, None],
            new() { LogitBias = new Dictionary<int, float> { [1] = 100, [3] = None } });

    [Fact]
    public void BadWords_TailJustCameUp_ForbidsTheLastToken()
        => AssertLogits(
            [1, 2, 3, 4],
            [None, None, 3, 4],
            new() { BadWords = [[0], [3, 2, 1], [2, 2]] },
            prompt: [3],
            answer: [2],
            alsoForbidden: [2]);

    [Fact]
    public void MinOutputTokens_AnswerTooShort_ForbidsItsEnd()
    {
        float[] logits = [1, 2, 3, 4];
        var request = new GenerationRequest { PromptIds = [0], MinOutputTokens = 2 };
        var processor = Assert.Single(LogitsProcessors.For(request.Sampling, request.MinOutputTokens, [3]));
        processor.Process([0], [1], logits);
        Assert.Equal([1, 2, 3, None], logits);

        logits = [1, 2, 3, 4];
        processor.Process([0], [1, 1], logits);
        Assert.Equal([1, 2, 3, 4], logits);
    }

    [Fact]
    public void EpsilonCutoff_ImprobableTokens_DropsThem()
        => AssertLogits(
            [Log(0.7), Log(0.2), Log(0.06), Log(0.04)],
            [Log(0.7), Log(0.2), Log(0.06), None],
            new() { Temperature = 1, EpsilonCutoff = 0.05 });

    [Fact]
    public void EpsilonCutoff_AboveEveryToken_KeepsTheMostProbable()
        => AssertLogits(
            [Log(0.4), Log(0.3), Log(0.3), None],
            [Log(0.4), None, None, None],
            new() { Temperature = 1, EpsilonCutoff = 0.9 });

    [Fact]
    public void EtaCutoff_FlatDistribution_LowersTheThreshold()
    {
        // Entropy ln 4, so the threshold is min(0.3, sqrt(0.3) / 4) = 0.137 and a quarter each stays.
        var quarter = Log(0.25);
        AssertLogits(
            [quarter, quarter, quarter, quarter],
            [quarter, quarter, quarter, quarter],
            new() { Temperature = 1, EtaCutoff = 0.3 });
    }

    [Fact]
    public void TokenChooser_SeedGiven_RepeatsItsDraws()
    {
        float[] logits = [1, 2, 3, 2, 1];
        Assert.Equal(Draw(logits, 7, 200), Draw(logits, 7, 200));
        Assert.NotEqual(Draw(logits, 7, 200), Draw(logits, 8, 200));
    }

    [Fact]
    public void TokenChooser_ManyDraws_FollowTheProbabilities()
    {
        float[] logits = [Log(0.5), Log(0.3), None, Log(0.2)];
        const int Count = 20_000;
        var frequencies = Draw(logits, 1, Count).CountBy(id => id).ToDictionary();
        Assert.DoesNotContain(2, frequencies.Keys);
        foreach (var (id, expected) in new[] { (0, 0.5), (1, 0.3), (3, 0.2) })
        {
            // Five standard deviations of a binomial count.
            var tolerance = 5 * Math.Sqrt(Count * expected * (1 - expected));
            Assert.InRange(frequencies[id], (Count * expected) - tolerance, (Count * expected) + tolerance);
        }
    }

    [Fact]
    public void TokenChooser_LogProbabilitiesAsked_TellsThoseOfTheModel()
    {
        float[] logits = [Log(0.1) + 5, Log(0.6) + 5, Log(0.3) + 5];
        var options = new SamplingOptions { LogitBias = new Dictionary<int, float> { [0] = 100 } };
        var request = new GenerationRequest { PromptIds = [0], Sampling = options };
        var choice = new Sampler(LogitsProcessors.For(request.Sampling), null, 2).Choose([0], [], logits);
        Assert.Equal(0, choice.Id);
        Assert.Equal(Log(0.1), choice.LogProbability!.Value, 5);
        Assert.Equal([1, 2], choice.Alternatives.Select(token => token.Id));
        Assert.Equal(Log(0.6), choice.Alternatives[0].LogProbability, 5);
    }

    [Fact]
    public void TokenChooser_NothingLeft_SaysSo()
    {
        var options = new SamplingOptions { BadWords = [[0], [1]] };
        var request = new GenerationRequest { PromptIds = [0], Sampling = options };
        var chooser = new Sampler(LogitsProcessors.For(request.Sampling), null, null);
        var error = Assert.Throws<InvalidOperationException>(() => chooser.Choose([0], [], [1f, 2f]));
        Assert.Equal(
            "After 1 logits processors no token is left to choose at output position '0'. Relax the bad words, the "
            + "logit bias or the processors of the request.",
            error.Message);
    }

    private static void AssertLogits(
        float[] logits,
        float[] expected,
        SamplingOptions options,
        int[]? prompt = null,
        int[]? answer = null,
        int[]? alsoForbidden = null)
    {
        var request = new GenerationRequest { PromptIds = [0], Sampling = options };
        foreach (var processor in LogitsProcessors.For(request.Sampling))
        {
            processor.Process(prompt ?? [0], answer ?? [], logits);
        }

        foreach (var id in alsoForbidden ?? [])
        {
            expected[id] = None;
        }

        Assert.Equal(expected, logits);
    }

    private static float Log(double probability) => (float)Math.Log(probability);

    private static int[] Draw(float[] logits, long seed, int count)
    {
        var chooser = new Sampler([], new RandomSource(seed), null);
        return [.. Enumerable.Range(0, count).Select(_ => chooser.Choose([0], [], logits).Id)];
    }
}
