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

    private static float[] Values(Tensor tensor) => tensor.detach().data<float>().ToArray();
}
