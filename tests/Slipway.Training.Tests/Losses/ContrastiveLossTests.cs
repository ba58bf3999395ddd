using static TorchSharp.torch;

namespace Slipway.Training.Losses;

public sealed class ContrastiveLossTests
{
    [Theory]
    [InlineData(0.05, false, 0)]
    [InlineData(0.2, false, 3)]
    [InlineData(0.1, true, 0)]
    [InlineData(0.07, true, 2)]
    public void Compute_OfPairs_FollowsItsDefinition(double temperature, bool symmetric, int others)
    {
        using var scope = NewDisposeScope();
        using var random = new Generator(7);
        var texts = randn([4, 6], generator: random) * 3;
        var partners = randn([4, 6], generator: random) + texts;
        var negatives = others == 0 ? null : randn([others, 6], generator: random);
        var loss = new ContrastiveLoss(temperature, symmetric).Compute(texts, partners, negatives);
        double[][] t = Rows(texts), p = Rows(partners), n = negatives is null ? [] : Rows(negatives);
        for (var pair = 0; pair < 4; pair++)
        {
            var expected = One(t[pair], [.. p, .. n], pair);
            expected = symmetric ? (expected + One(p[pair], t, pair)) / 2 : expected;
            Assert.Equal(expected, loss[pair].item<float>(), 1e-5);
        }

        double One(double[] text, double[][] candidates, int own)
        {
            var scores = candidates.Select(one => Math.Exp(Cosine(text, one) / temperature)).ToArray();
            return -Math.Log(scores[own] / scores.Sum());
        }
    }

    [Fact]
    public void Compute_OfShapesThatDiffer_NamesThem()
    {
        using var texts = zeros(3, 4);
        using var partners = zeros(2, 4);
        var error = Assert.Throws<ArgumentException>(() => new ContrastiveLoss().Compute(texts, partners));
        Assert.StartsWith(
            "The texts have the shape [3, 4], the partners [2, 4] and the negatives none; expected", error.Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ContrastiveLoss(0).Compute(texts, texts));
    }

    private static double Cosine(double[] a, double[] b) => a.Zip(b, (x, y) => x * y).Sum()
        / (Math.Sqrt(a.Sum(x => x * x)) * Math.Sqrt(b.Sum(x => x * x)));

    private static double[][] Rows(Tensor matrix) =>
        [.. matrix.data<float>().ToArray().Chunk(6).Select(row => row.Select(value => (double)value).ToArray())];
}
