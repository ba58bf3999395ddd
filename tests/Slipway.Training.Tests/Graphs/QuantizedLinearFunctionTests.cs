using Slipway.Export.Quantization;
using Slipway.Training.Graphs;
using static TorchSharp.torch;

namespace Slipway.Training.Tests.Graphs;

public sealed class QuantizedLinearFunctionTests
{
    [Theory]
    [InlineData(64, 4)]
    [InlineData(40, 4)]
    [InlineData(40, 8)]
    [InlineData(40, 2)]
    public void Apply_ProductAndGradients_EqualThoseOfTheFloatMatrix(int columns, int bits)
    {
        const int rows = 3, block = 16;
        using var scope = NewDisposeScope();
        var generator = new Random(1);
        var blocks = (columns + block - 1) / block;
        using var weight = Weight(generator, rows, columns, bits, block);
        var x = rand(5, columns, generator: manual_seed(1)).requires_grad_();
        var scales = (rand(rows, blocks) + 0.5).requires_grad_();
        var target = rand(5, rows);

        var actual = autograd.grad([(QuantizedLinearFunction.Apply(x, scales, weight) * target).sum()], [x, scales]);
        var expected = autograd.grad([(x.matmul(weight.Dequantize(scales).t()) * target).sum()], [x, scales]);

        Assert.InRange((actual[0] - expected[0]).abs().max().item<float>(), 0, 1e-4f);
        Assert.InRange((actual[1] - expected[1]).abs().max().item<float>(), 0, 1e-4f);
    }

    [Theory]
    [InlineData(64, 4)]
    [InlineData(40, 4)]
    [InlineData(40, 8)]
    public void Unpack_QuantizedMatrix_StandsForTheSameWeights(int columns, int bits)
    {
        const int rows = 3;
        using var scope = NewDisposeScope();
        Random random = new(1);
        float[] weights = [.. Enumerable.Range(0, rows * columns).Select(_ => (random.NextSingle() * 3) - 1)];
        var matrix = WeightQuantizer.Quantize(weights, rows, columns, bits, 16, QuantizationMethods.Find("rtn"));

        using var weight = QuantizedWeight.Unpack(
            tensor(matrix.Codes), tensor(matrix.ZeroPoints), rows, columns, bits, 16);

        var expected = new float[rows * columns];
        for (var row = 0; row < rows; row++)
        {
            matrix.Dequantize(row, expected.AsSpan(row * columns, columns));
        }

        var actual = weight.Dequantize(tensor(matrix.Scales).view(rows, -1)).contiguous().data<float>().ToArray();
        Assert.Equal(expected, actual);
    }

    private static QuantizedWeight Weight(Random random, int rows, int columns, int bits, int block)
    {
        var blocks = (columns + block - 1) / block;
        var codes = new byte[rows * blocks * block * bits / 8];
        var zeros = new byte[rows * (((blocks * bits) + 7) / 8)];
        random.NextBytes(codes);
        random.NextBytes(zeros);
        return QuantizedWeight.Unpack(tensor(codes), tensor(zeros), rows, columns, bits, block);
    }
}
