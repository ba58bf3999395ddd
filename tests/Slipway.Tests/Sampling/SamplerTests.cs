using Slipway.Sampling;
using Slipway.Sampling.Processors;

namespace Slipway.Tests.Sampling;

public sealed class SamplerTests(ITestOutputHelper output)
{
    [Fact]
    public void Dry_RepetitionUnderWay_LowersWhatFollowedByItsLength()
    {
        var logits = new float[10];

        // 1 2 3 came before, followed by 4 and, after 2 3 alone, by 5; now 1 2 3 again.
        new DryProcessor(0.8, 1.75, 2, []).Process([1, 2, 3, 4, 9, 2, 3, 5, 0], [1, 2, 3], logits);
        var expected = new float[10];
        expected[4] = -(float)(0.8 * 1.75);
        expected[5] = -0.8f;
        Assert.Equal(expected, logits);
    }

    [Fact]
    public void Dry_Breaker_EndsTheRepetition()
    {
        var logits = new float[10];
        new DryProcessor(0.8, 1.75, 2, [2]).Process([1, 2, 3, 4, 9], [1, 2, 3], logits);
        Assert.All(logits, logit => Assert.Equal(0, logit));
    }

    [Fact]
    public void Dry_RandomContexts_EqualsTheDefinition()
    {
        var random = new Random(3);
        for (var round = 0; round < 300; round++)
        {
            int[] ids = [.. Enumerable.Range(0, random.Next(1, 40)).Select(_ => random.Next(4))];
            var logits = new float[4];
            new DryProcessor(0.5, 1.2, 1, [3]).Process(ids.AsSpan(0, 1), ids.AsSpan(1), logits);
            var expected = new float[4];
            for (var next = 0; next < 3; next++)
            {
                var longest = 0;
                for (var at = 1; at < ids.Length; at++)
                {
                    var match = 0;
                    while (ids[at] == next && match < at && ids[at - 1 - match] == ids[^(match + 1)]
                        && ids[^(match + 1)] != 3)
                    {
                        match++;
                    }

                    longest = Math.Max(longest, match);
                }

                expected[next] = longest == 0 ? 0 : -(float)(0.5 * Math.Pow(1.2, longest - 1));
            }

            Assert.Equal(expected, logits);
        }
    }

    [Fact]
    public void Xtc_SeveralAboveTheThreshold_KeepsTheLeastOfThem()
    {
        float[] probabilities = [0.4f, 0.05f, 0.3f, 0.2f, 0.05f];
        float[] logits = [.. probabilities.Select(x => MathF.Log(x))];
        float[] before = [.. logits];
        new XtcProcessor(1, 0.15, new RandomSource(1)).Process([], [], logits);
        Assert.Equal([float.NegativeInfinity, before[1], float.NegativeInfinity, before[3], before[4]], logits);
    }

    [Fact]
    public void Xtc_OneAboveTheThresholdOrNotDrawn_ChangesNothing()
    {
        float[] before = [.. new[] { 0.9f, 0.05f, 0.05f }.Select(x => MathF.Log(x))];
        float[] logits = [.. before];
        new XtcProcessor(1, 0.1, new RandomSource(1)).Process([], [], logits);
        Assert.Equal(before, logits);
        new XtcProcessor(0, 0.01, new RandomSource(1)).Process([], [], logits);
        Assert.Equal(before, logits);
    }

    [Theory]
    [InlineData(2.0)]
    [InlineData(4.0)]
    public void Mirostat_LongRun_KeepsTheSurpriseNearTheTarget(double target)
    {
        var random = new Random(7);
        var processor = new MirostatProcessor(target, 0.1);
        var source = new RandomSource(11);
        var chooser = new Sampler([processor], source, null);
        var (ids, sum) = (new List<int>(), 0.0);
        const int Steps = 2000, Warm = 200;
        for (var step = 0; step < Steps; step++)
        {
            float[] logits = [
                .. Enumerable.Range(0, 300).Select(i => (float)(-1.1 * Math.Log(i + 1) + (random.NextDouble() * 0.2)))];
            var id = chooser.Choose([0], [.. ids], logits).Id;
            ids.Add(id);
            var kept = new float[300];
            logits.CopyTo(kept, 0);
            sum += step < Warm ? 0 : Surprise(kept, id);
        }

        var mean = sum / (Steps - Warm);
        output.WriteLine($"target {target}: mean surprise {mean:0.00} bits before the cut");
        Assert.InRange(mean, target - 0.2, target + 1.2);

        static double Surprise(float[] logits, int id)
            => (Softmax.LogSumExp(logits) - logits[id]) / Math.Log(2);
    }

    [Fact]
    public void For_Samplers_AreInTheList()
    {
        var request = new GenerationRequest
        {
            PromptIds = [0],
            Sampling = new()
            {
                Temperature = 1, DryMultiplier = 0.8, XtcProbability = 0.5, MirostatTarget = 5, Seed = 3,
            },
        };
        Assert.Equal(
            [typeof(DryProcessor), typeof(XtcProcessor), typeof(MirostatProcessor)],
            LogitsProcessors.For(request.Sampling).Select(processor => processor.GetType()));
    }
}
