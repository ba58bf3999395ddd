using TorchSharp.Modules;
using static TorchSharp.torch;

namespace Slipway.Training.Optimization;

public sealed class OptimizerTests(ITestOutputHelper output)
{
    private const double Rate = 0.05;
    private const double Decay = 0.1;

    [Fact]
    public void LionLosses_FromTheReferenceStart_FollowTheReference()
    {
        using var reference = Reference.Methods();
        using var optimizer = new Lion(reference.Model.TrainableParameters);
        var max = Reference.Train(
            reference.Losses("lion"), optimizer, _ => 3e-4, 0.1,
            step => Reference.TokenLoss(reference.Model, reference.Ids("distill.input_ids", step)));
        output.WriteLine($"lion: largest difference of a loss {max:e2}");
        Assert.InRange(max, 0, 1e-4);
    }

    [Fact]
    public void Adafactor_OverSteps_FollowsItsDefinition()
    {
        using var matrix = new Parameter(Values(12, 1).view(3, 4));
        using var vector = new Parameter(Values(5, 2));
        using var optimizer = new Adafactor([("m", matrix), ("v", vector)]);
        double[] m = Doubles(matrix), v = Doubles(vector), rows = new double[3], columns = new double[4],
            squares = new double[5];
        for (var step = 1; step <= 4; step++)
        {
            // Large gradients are clipped, small ones are not.
            using Tensor first = Values(12, step).view(3, 4) * Math.Pow(10, step - 2), second = Values(5, -step);
            (matrix.grad, vector.grad) = (first.clone(), second.clone());
            optimizer.Step(Rate, Decay);
            Factored(m, Doubles(first), rows, columns, step);
            Whole(v, Doubles(second), squares, step);
            AssertNear(m, matrix);
            AssertNear(v, vector);
        }
    }

    [Fact]
    public void Sgd_OfAStep_MovesAgainstTheGradient()
    {
        using var weight = new Parameter(tensor(new[] { 1f, -2 }));
        using var optimizer = new Sgd([("w", weight)]);
        weight.grad = tensor(new[] { 0.5f, 4 });
        optimizer.Step(0.1, 0.2);
        Assert.Equal(
            [(1 * 0.98f) - 0.05f, (-2 * 0.98f) - 0.4f], weight.data<float>().ToArray(),
            (a, b) => Math.Abs(a - b) < 1e-6);
    }

    // Shazeer and Stern's algorithm 4, written out element by element.
    private static void Factored(double[] weight, double[] gradient, double[] rows, double[] columns, int step)
    {
        var beta = 1 - Math.Pow(step, -0.8);
        for (var row = 0; row < 3; row++)
        {
            rows[row] = (beta * rows[row]) + ((1 - beta) * Enumerable.Range(0, 4).Average(
                column => (gradient[(row * 4) + column] * gradient[(row * 4) + column]) + 1e-30));
        }

        for (var column = 0; column < 4; column++)
        {
            columns[column] = (beta * columns[column]) + ((1 - beta) * Enumerable.Range(0, 3).Average(
                row => (gradient[(row * 4) + column] * gradient[(row * 4) + column]) + 1e-30));
        }

        Apply(weight, [.. gradient.Select((value, index) =>
            value / Math.Sqrt(rows[index / 4] * columns[index % 4] / rows.Average()))]);
    }

    private static void Whole(double[] weight, double[] gradient, double[] squares, int step)
    {
        var beta = 1 - Math.Pow(step, -0.8);
        for (var index = 0; index < squares.Length; index++)
        {
            squares[index] = (beta * squares[index]) + ((1 - beta) * ((gradient[index] * gradient[index]) + 1e-30));
        }

        Apply(weight, [.. gradient.Select((value, index) => value / Math.Sqrt(squares[index]))]);
    }

    private static void Apply(double[] weight, double[] update)
    {
        var size = Math.Max(1, Math.Sqrt(update.Average(value => value * value)));
        for (var index = 0; index < weight.Length; index++)
        {
            weight[index] = (weight[index] * (1 - (Rate * Decay))) - (Rate * update[index] / size);
        }
    }

    private static Tensor Values(int count, int seed) =>
        tensor(Enumerable.Range(0, count).Select(index => MathF.Sin((index * 1.7f) + (seed * 0.9f))).ToArray());

    private static double[] Doubles(Tensor values) =>
        [.. values.contiguous().data<float>().Select(value => (double)value)];

    private static void AssertNear(double[] expected, Parameter actual) => Assert.All(
        expected.Zip(Doubles(actual)), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
}
