using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

public sealed class MuonTests
{
    [Theory]
    [InlineData(24, 40)]
    [InlineData(40, 24)]
    [InlineData(32, 32)]
    public void Step_OfAMatrix_MovesItAsFarInEveryDirection(int rows, int columns)
    {
        using var scope = NewDisposeScope();
        var weight = Weight(1, rows, columns);
        var before = weight.detach().clone();
        using var optimizer = new Muon([("layer.weight", weight)], threads: 1);
        optimizer.Step(rate: 0.5, decay: 0);

        using var untracked = no_grad();
        var moved = (before - weight) / (0.5 * 0.2 * Math.Sqrt(Math.Max(rows, columns)));
        var values = linalg.svdvals(moved).data<float>().ToArray();
        Assert.All(values, value => Assert.InRange(value, 0.6f, 1.3f));
        Assert.True((moved * weight.grad!).sum().item<float>() > 0, "The step does not follow the gradient.");
    }

    // The definition, written out element by element: Nesterov's momentum, five iterations, the step's size.
    [Theory]
    [InlineData(3, 5)]
    [InlineData(6, 4)]
    public void Step_OverSteps_FollowsItsDefinition(int rows, int columns)
    {
        const double rate = 0.05, decay = 0.1;
        using var scope = NewDisposeScope();
        var weight = Weight(8, rows, columns);
        var expected = Doubles(weight);
        var momentum = new double[expected.Length];
        using var optimizer = new Muon([("layer.weight", weight)], threads: 1);
        for (var step = 0; step < 3; step++)
        {
            using var random = new Generator((ulong)(20 + step));
            weight.grad = randn([rows, columns], generator: random);
            var gradient = Doubles(weight.grad);
            momentum = [.. momentum.Zip(gradient, (m, g) => (0.95 * m) + g)];
            var direction = Orthogonalize(
                [.. momentum.Zip(gradient, (m, g) => g + (0.95 * m))], rows, columns);
            var size = rate * 0.2 * Math.Sqrt(Math.Max(rows, columns));
            expected = [.. expected.Zip(direction, (w, d) => (w * (1 - (rate * decay))) - (size * d))];
            optimizer.Step(rate, decay);
            Assert.All(expected.Zip(Doubles(weight)), pair => Assert.Equal(pair.First, pair.Second, 2e-5));
        }
    }

    [Theory]
    [InlineData("transformer.wte.weight")]
    [InlineData("transformer.wpe.weight")]
    [InlineData("bert.embeddings.word_embeddings.weight")]
    [InlineData("model.embeddings.tok_embeddings.weight")]
    [InlineData("roberta.embeddings.position_embeddings.weight")]
    [InlineData("classifier.weight")]
    public void Step_OfATable_KeepsNoMomentumOfAMatrix(string name)
    {
        using var scope = NewDisposeScope();
        using var optimizer = new Muon([(name, Weight(2, 9, 4))], threads: 1);
        Assert.DoesNotContain(optimizer.State, one => one.Name.EndsWith(".momentum", StringComparison.Ordinal));
    }

    [Fact]
    public void Step_OfTablesAndVectors_EqualsAdamW()
    {
        using var scope = NewDisposeScope();
        (string, Parameter)[] ours = [
            ("model.embed_tokens.weight", Weight(2, 9, 4)), ("lm_head.weight", Weight(3, 9, 4)),
            ("model.norm.weight", Weight(4, 7))];
        (string, Parameter)[] theirs = [("a", Weight(2, 9, 4)), ("b", Weight(3, 9, 4)), ("c", Weight(4, 7))];
        using var muon = new Muon(ours, threads: 2);
        using var adam = new AdamW(theirs);
        for (var step = 0; step < 3; step++)
        {
            muon.Step(1e-2, 0.1);
            adam.Step(1e-2, 0.1);
        }

        Assert.All(ours.Zip(theirs), pair => Assert.Equal(Values(pair.Second.Item2), Values(pair.First.Item2)));
    }

    [Fact]
    public void Step_WithMoreThreads_GivesTheSameBits()
    {
        using var scope = NewDisposeScope();
        Assert.Equal(Run(threads: 1), Run(threads: 3));

        static float[][] Run(int threads)
        {
            (string, Parameter)[] weights = [
                .. Enumerable.Range(0, 6).Select(index => ($"{index}.weight", Weight(index, 8 + index, 12)))];
            using var optimizer = new Muon(weights, threads);
            optimizer.Step(1e-2, 0.1);
            optimizer.Step(1e-2, 0.1);
            return [.. weights.Select(one => Values(one.Item2))];
        }
    }

    [Fact]
    public void Step_WithoutAGradient_LeavesTheWeight()
    {
        using var scope = NewDisposeScope();
        var weight = Weight(5, 4, 6);
        weight.grad = null;
        var before = Values(weight);
        using var optimizer = new Muon([("layer.weight", weight)], threads: 1);
        optimizer.Step(1e-2, 0.1);
        Assert.Equal(before, Values(weight));
    }

    private static Parameter Weight(long seed, params long[] shape)
    {
        using var random = new Generator((ulong)seed);
        var weight = new Parameter(randn(shape, generator: random));
        weight.grad = randn(shape, generator: random);
        return weight;
    }

    // X = a·X + (b·A + c·A²)·X with A = X·Xᵀ, of the wide form.
    private static double[] Orthogonalize(double[] matrix, int rows, int columns)
    {
        var x = rows > columns ? Transposed(matrix, rows, columns) : matrix;
        var (height, width) = (Math.Min(rows, columns), Math.Max(rows, columns));
        var norm = Math.Sqrt(x.Sum(value => value * value)) + 1e-7;
        x = [.. x.Select(value => value / norm)];
        for (var iteration = 0; iteration < 5; iteration++)
        {
            var a = Product(x, Transposed(x, height, width), height, width, height);
            var squared = Product(a, a, height, height, height);
            var mixed = a.Zip(squared, (one, two) => (-4.7750 * one) + (2.0315 * two)).ToArray();
            x = [.. x.Zip(Product(mixed, x, height, height, width), (one, two) => (3.4445 * one) + two)];
        }

        return rows > columns ? Transposed(x, columns, rows) : x;
    }

    private static double[] Product(double[] left, double[] right, int rows, int inner, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(index => Enumerable.Range(0, inner).Sum(
            at => left[(index / columns * inner) + at] * right[(at * columns) + (index % columns)]))];

    private static double[] Transposed(double[] matrix, int rows, int columns) =>
        [.. Enumerable.Range(0, rows * columns).Select(index => matrix[(index % rows * columns) + (index / rows)])];

    private static double[] Doubles(Tensor tensor) => [.. Values(tensor).Select(value => (double)value)];

    private static float[] Values(Tensor tensor) => tensor.detach().data<float>().ToArray();
}
