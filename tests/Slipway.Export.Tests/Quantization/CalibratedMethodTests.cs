using Slipway.Export.Quantization;
using Slipway.Export.Quantization.Folding;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;

namespace Slipway.Export.Tests.Quantization;

/// <summary>Holds methods that know their inputs to what that is for: nearer outputs.</summary>
public sealed class CalibratedMethodTests(ITestOutputHelper output)
{
    private const int Rows = 24, Columns = 96, Samples = 400, BlockSize = 16;

    [Theory]
    [InlineData("weighted", "search")]
    [InlineData("fitted", "weighted")]
    [InlineData("gptq", "weighted")]
    [InlineData("gptq", "rtn")]
    [InlineData("gptq", "fitted")]
    [InlineData("gptq+minima", "minima")]
    [InlineData("gptq+minima", "gptq")]
    [InlineData("minima", "fitted")]
    public void Quantize_CorrelatedInputs_GivesOutputsNearerThanWithout(string method, string than)
    {
        Random random = new(4);
        var weights = Numbers(random, Rows * Columns);
        InputStatistics statistics = new(Columns, Products(random));

        var (better, worse) = (Error(method, weights, statistics), Error(than, weights, statistics));

        output.WriteLine($"squared output error: {method} {better:0.000}, {than} {worse:0.000}");
        Assert.InRange(better, 0, worse * 0.97);
    }

    [Theory]
    [InlineData("weighted")]
    [InlineData("fitted")]
    [InlineData("gptq")]
    [InlineData("gptq+minima")]
    [InlineData("minima")]
    public void Quantize_InputsThatAreAlwaysZero_GivesFiniteScales(string method)
    {
        var weights = Numbers(new Random(5), Rows * Columns);
        BlockLayout layout = new(Columns, 4, BlockSize);

        var quantized = Quantize(method, weights, new InputStatistics(Columns, new float[Columns * Columns]), layout);

        Assert.All(quantized.Scales, scale => Assert.True(float.IsFinite(scale)));
    }

    [Fact]
    public void Quantize_WeightsOnGridsWithMinima_ComeBackByMinimaAlone()
    {
        Random random = new(6);
        var weights = new float[Rows * Columns];
        for (var start = 0; start < weights.Length; start += BlockSize)
        {
            var (scale, minimum) = (0.01f + random.NextSingle(), random.NextSingle() - 0.7f);
            for (var index = 0; index < BlockSize; index++)
            {
                // The ends of the range are among a block's codes, as where its minimum is its smallest weight.
                var code = index switch { 0 => 0, 1 => 15, _ => random.Next(16) };
                weights[start + index] = (code * scale) + minimum;
            }
        }

        InputStatistics statistics = new(Columns, Products(random));

        var worse = Error("fitted", weights, statistics);
        Assert.InRange(Error("minima", weights, statistics), 0, 1e-6 * worse);
        Assert.InRange(Error("gptq+minima", weights, statistics), 0, 1e-6 * worse);
    }

    /// <summary>Factors are chosen by the errors that the grid leaves in the end, or nearly, where that is costly.
    /// </summary>
    [Theory]
    [InlineData("awq", "fitted")]
    [InlineData("awq+weighted", "weighted")]
    [InlineData("awq+minima", "minima")]
    [InlineData("awq+gptq", "fitted")]
    public void MatrixSample_ScaledInputs_TriesFactorsByTheGridThatTheyAreFor(string method, string grid)
    {
        Random random = new(7);
        var weights = Numbers(random, Rows * Columns);
        InputStatistics statistics = new(Columns, Products(random));
        GraphMatrix matrix = new(
            new Initializer("matrix", ElementType.Float32, [Rows, Columns], new TensorData.Inline(default)),
            1, Rows, Columns, IsTransposed: false);
        MatrixSample sample = new(
            new PlannedMatrix(matrix, new MatrixFormat(Precision.Int4, method, BlockSize)), weights, Rows);

        var error = sample.Error(statistics, null, TestContext.Current.CancellationToken);

        var expected = Error(grid, weights, statistics);
        Assert.Equal(expected, error, expected * 1e-3);
    }

    [Fact]
    public void InputStatistics_ProductsOfOtherSize_AreRefused()
    {
        var exception = Assert.Throws<ArgumentException>(() => new InputStatistics(4, new float[15]));

        Assert.StartsWith(
            "The products of 4 inputs are 16 numbers, not 15.", exception.Message, StringComparison.Ordinal);
    }

    private static double Error(string method, float[] weights, InputStatistics statistics)
    {
        var quantized = Quantize(method, weights, statistics, new BlockLayout(Columns, 4, BlockSize));
        var row = new float[Columns];
        var error = 0.0;
        for (var index = 0; index < Rows; index++)
        {
            quantized.Dequantize(index, row);
            for (var i = 0; i < Columns; i++)
            {
                for (var j = 0; j < Columns; j++)
                {
                    error += (row[i] - weights[(index * Columns) + i]) * (row[j] - weights[(index * Columns) + j])
                        * (double)statistics.Products![(i * Columns) + j];
                }
            }
        }

        return error;
    }

    private static QuantizedMatrix Quantize(
        string method, float[] weights, InputStatistics statistics, BlockLayout layout) =>
        WeightQuantizer.Quantize(
            weights, Rows, layout.Columns, layout.Bits, layout.BlockSize, QuantizationMethods.Find(method), statistics);

    // Inputs of unequal size that a few directions explain, as those of a layer are.
    private static float[] Products(Random random)
    {
        const int Directions = 12;
        var mixing = Numbers(random, Directions * Columns);
        var sizes = Numbers(random, Columns).Select(value => 0.1f + (value * value)).ToArray();
        var products = new float[Columns * Columns];
        for (var sample = 0; sample < Samples; sample++)
        {
            var hidden = Numbers(random, Directions);
            var noise = Numbers(random, Columns);
            var x = new float[Columns];
            for (var i = 0; i < Columns; i++)
            {
                var sum = 0.3f * noise[i];
                for (var direction = 0; direction < Directions; direction++)
                {
                    sum += hidden[direction] * mixing[(direction * Columns) + i];
                }

                x[i] = sum * sizes[i];
            }

            for (var i = 0; i < Columns; i++)
            {
                for (var j = 0; j < Columns; j++)
                {
                    products[(i * Columns) + j] += x[i] * x[j] / Samples;
                }
            }
        }

        return products;
    }

    private static float[] Numbers(Random random, int count) =>
        [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() + random.NextDouble() - 1))];
}
