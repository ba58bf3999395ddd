using Slipway.Sampling;

namespace Slipway.Tests.Sampling;

public sealed class SoftmaxTests(ITestOutputHelper output)
{
    private static readonly double[] Temperatures = [1e-300, 1e-6, 0.01, 0.1, 0.2, 0.7, 1, 1.5, 3, 10, 100, 1e4];
    private static readonly float[] Shifts = [0, 1e3f, -1e3f, 1e4f, -1e4f, 1e6f, -1e6f];

    public static TheoryData<double, float> Cases
    {
        get
        {
            var data = new TheoryData<double, float>();
            foreach (var temperature in Temperatures)
            {
                foreach (var shift in Shifts)
                {
                    data.Add(temperature, shift);
                }
            }

            return data;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Distribution_AnyTemperatureAndShift_EqualsOneInDouble(double temperature, float shift)
    {
        foreach (var logits in LogitSets(shift))
        {
            var expected = InDouble(logits, temperature);
            var max = Difference(expected, Distribution(logits, new() { Temperature = temperature }));
            output.WriteLine($"temperature {temperature}, shift {shift}: largest difference {max:0.0e+0}");
            Assert.InRange(max, 0, 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Distribution_CutOff_EqualsOneInDouble(double temperature, float shift)
    {
        (SamplingOptions Options, Func<double, double, bool> Keeps)[] cuts =
        [
            (new() { Temperature = temperature, MinP = 0.05 }, (p, max) => p >= 0.05 * max),
            (new() { Temperature = temperature, EpsilonCutoff = 1e-3 }, (p, max) => p >= 1e-3 || p == max),
        ];
        foreach (var logits in LogitSets(shift))
        {
            var all = InDouble(logits, temperature);
            foreach (var (options, keeps) in cuts)
            {
                var kept = all.Select(p => keeps(p, all.Max()) ? p : 0).ToArray();
                Assert.InRange(Difference(Normalized(kept), Distribution(logits, options)), 0, 1e-6);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Distribution_TopP_EqualsOneInDouble(double temperature, float shift)
    {
        foreach (var logits in LogitSets(shift))
        {
            var all = InDouble(logits, temperature);
            var (kept, before) = (new double[all.Length], 0.0);
            foreach (var (id, p) in all.Index().OrderByDescending(item => item.Item).TakeWhile(_ => before < 0.9))
            {
                kept[id] = p;
                before += p;
            }

            var actual = Distribution(logits, new() { Temperature = temperature, TopP = 0.9 });
            Assert.InRange(Difference(Normalized(kept), actual), 0, 1e-6);
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EveryProcessor_AnyTemperatureAndShift_LeavesADistribution(double temperature, float shift)
    {
        var options = new SamplingOptions
        {
            Temperature = temperature, TopK = 50, TopP = 0.95, MinP = 0.01, TypicalP = 0.95, EpsilonCutoff = 1e-4,
            EtaCutoff = 1e-4, RepetitionPenalty = 1.2, PresencePenalty = 0.5, FrequencyPenalty = 0.5,
                DryMultiplier = 0.8,
            XtcProbability = 0.5, MirostatTarget = 5,
        };
        foreach (var logits in LogitSets(shift))
        {
            var chooser = new Sampler(Processors(options), new RandomSource(1), 5);
            List<int> ids = [];
            for (var i = 0; i < 20; i++)
            {
                var choice = chooser.Choose([1, 2], [.. ids], logits);
                Assert.InRange(choice.LogProbability!.Value, float.MinValue, 0);
                Assert.All(choice.Alternatives, token => Assert.InRange(token.LogProbability, float.MinValue, 0));
                ids.Add(choice.Id);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void Choose_ManyDraws_FollowTheDistributionInDouble(double temperature, float shift)
    {
        foreach (var logits in LogitSets(shift).Take(2))
        {
            var expected = InDouble(logits, temperature);
            var chooser = new Sampler(Processors(new() { Temperature = temperature }), new RandomSource(5), null);
            var uniforms = new RandomSource(5);
            for (var i = 0; i < 100; i++)
            {
                // Which token a number draws is only certain where it is not next to a border of two.
                var uniform = uniforms.NextDouble();
                var (low, high) = (Inverse(expected, uniform - 1e-5), Inverse(expected, uniform + 1e-5));
                var id = chooser.Choose([0], [], logits).Id;
                Assert.InRange(id, low, high);
            }
        }
    }

    [Fact]
    public void Choose_LowTemperatures_TakeTheMostProbableToken()
    {
        foreach (var logits in Shifts.Where(shift => Math.Abs(shift) < 1e5).SelectMany(LogitSets))
        {
            var best = logits.Index().MaxBy(item => item.Item).Index;
            foreach (var temperature in new[] { 1e-300, 1e-12, 1e-6 })
            {
                foreach (var topP in new[] { 0, 0.9, 1 })
                {
                    var options = new SamplingOptions { Temperature = temperature, TopP = topP };
                    var chooser = new Sampler(Processors(options), new RandomSource(3), null);
                    Assert.All(Enumerable.Range(0, 10), _ => Assert.Equal(best, chooser.Choose([0], [], logits).Id));
                }
            }
        }
    }

    [Fact]
    public void LogProbabilities_ShiftedLogits_EqualOnesInDouble()
    {
        foreach (var logits in Shifts.SelectMany(LogitSets))
        {
            var expected = InDouble(logits, 1);
            var actual = new float[logits.Length];
            Softmax.LogProbabilities(logits, actual);
            var sum = expected.Zip(actual, (p, log) => p * Math.Abs(Math.Log(p) - log)).Where(double.IsFinite).Sum();
            Assert.InRange(sum, 0, 1e-6);
            Assert.InRange(Math.Abs(Math.Log(logits.Sum(x => Math.Exp((double)x - logits.Max()))) + logits.Max()
                - Softmax.LogSumExp(logits)), 0, 1e-6 * Math.Max(1, Math.Abs(logits.Max())));
        }
    }

    [Fact]
    public void Probabilities_InfiniteLogits_ShareOrHaveNone()
    {
        Assert.Equal([0, 0.5f, 0.5f], Of([1, float.PositiveInfinity, float.PositiveInfinity]));
        Assert.Equal([1, 0], Of([1, float.NegativeInfinity]));
        Assert.Equal([0, 0], Of([float.NegativeInfinity, float.NegativeInfinity]));

        static float[] Of(float[] logits)
        {
            Softmax.Probabilities(logits, logits);
            return logits;
        }
    }

    [Fact]
    public void Choose_NaN_SaysSo()
    {
        foreach (var random in new[] { null, new RandomSource(1) })
        {
            var error = Assert.Throws<InvalidOperationException>(
                () => new Sampler([], random, null).Choose([0], [], [1, float.NaN, 2]));
            Assert.Equal(
                "Logits at output position '0' are not numbers (NaN). Either a logits processor of the request wrote "
                + "them, or the model's arithmetic left its range: export the package in another precision.",
                error.Message);
        }
    }

    private static IEnumerable<float[]> LogitSets(float shift)
    {
        var random = new Random(11);
        yield return Shifted(50, () => 4 * Gauss(random));
        yield return Shifted(5000, () => 20 * Gauss(random));
        yield return Shifted(300, () => 200 * Gauss(random));

        float[] Shifted(int count, Func<double> next)
            => [.. Enumerable.Range(0, count).Select(_ => (float)next() + shift)];
    }

    private static double Gauss(Random random)
        => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static ILogitsProcessor[] Processors(SamplingOptions options)
        => [.. LogitsProcessors.For(options)];

    private static float[] Distribution(float[] logits, SamplingOptions options)
    {
        float[] result = [.. logits];
        foreach (var processor in Processors(options))
        {
            processor.Process([0], [], result);
        }

        Softmax.Probabilities(result, result);
        return result;
    }

    private static double[] InDouble(float[] logits, double temperature)
        => Normalized([.. logits.Select(x => Math.Exp(((double)x - logits.Max()) / temperature))]);

    private static double[] Normalized(double[] weights)
    {
        var sum = weights.Sum();
        return [.. weights.Select(weight => weight / sum)];
    }

    private static double Difference(double[] expected, float[] actual)
        => expected.Zip(actual, (x, y) => double.IsNaN(y) ? double.PositiveInfinity : Math.Abs(x - y)).Max();

    private static int Inverse(double[] probabilities, double uniform)
    {
        var left = uniform;
        var last = 0;
        foreach (var (id, probability) in probabilities.Index().Where(item => item.Item > 0))
        {
            last = id;
            left -= probability;
            if (left < 0)
            {
                return id;
            }
        }

        return last;
    }
}
