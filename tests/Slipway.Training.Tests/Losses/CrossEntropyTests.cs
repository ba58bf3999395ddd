using static TorchSharp.torch;

namespace Slipway.Training.Losses;

public sealed class CrossEntropyTests
{
    private static readonly float[] Logits = [0.5f, -1, 2, 0.25f, 3, 1, -2, 0, 0.1f, 0.2f, -0.3f, 4];
    private static readonly long[] Targets = [2, 0, 1];

    [Theory]
    [InlineData(0, 0)]
    [InlineData(0.1, 0)]
    [InlineData(0, 1e-2)]
    [InlineData(0.3, 0.5)]
    public void Sum_OfSmoothedTargetsAndNormalizers_FollowsItsDefinition(double smoothing, double z)
    {
        using var logits = tensor(Logits).view(3, 4);
        using var targets = tensor(Targets);
        using var loss = new CrossEntropy(smoothing, z).Sum(logits, targets);
        Assert.Equal(Definition(smoothing, z), loss.item<float>(), 1e-5);
    }

    private static double Definition(double smoothing, double z)
    {
        var sum = 0.0;
        for (var row = 0; row < 3; row++)
        {
            var values = Logits.Skip(row * 4).Take(4).Select(value => (double)value).ToArray();
            var normalizer = Math.Log(values.Sum(Math.Exp));
            for (var token = 0; token < 4; token++)
            {
                var share = (token == Targets[row] ? 1 - smoothing : 0) + (smoothing / 4);
                sum += share * (normalizer - values[token]);
            }

            sum += z * normalizer * normalizer;
        }

        return sum;
    }
}
