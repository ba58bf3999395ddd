using Slipway.Export.Quantization;

namespace Slipway.Export.Tests.Quantization;

public sealed class WeightQuantizerTests
{
    public static TheoryData<string, int> MethodsAndBits()
    {
        TheoryData<string, int> data = [];
        foreach (var method in QuantizationMethods.All.Where(method => method.Values is null))
        {
            data.Add(method.Name, 4);
            data.Add(method.Name, 8);
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(MethodsAndBits))]
    public void Quantize_RandomWeights_StayWithinOneStepOfTheBlockRange(string method, int bits)
    {
        var weights = Weights(rows: 6, columns: 96, seed: 1);

        var quantized = Quantize(weights, 6, 96, bits, 32, method);

        var step = 8.0 / ((1 << bits) - 1);
        Assert.All(Dequantize(quantized).Zip(weights), pair => Assert.InRange(pair.First - pair.Second, -step, step));
    }

    [Theory]
    [MemberData(nameof(MethodsAndBits))]
    public void Quantize_WeightsOnAGrid_ComeBackExactly(string method, int bits)
    {
        var maximum = (1 << bits) - 1;
        Random random = new(2);
        float[] weights = [
            .. Enumerable.Range(0, 4 * 64).Select(_ => (random.Next(maximum + 1) - (maximum / 3)) * 0.125f)];
        for (var block = 0; block < weights.Length; block += 16)
        {
            weights[block] = -(maximum / 3) * 0.125f;
            weights[block + 1] = (maximum - (maximum / 3)) * 0.125f;
        }

        var quantized = Quantize(weights, 4, 64, bits, 16, method);

        Assert.All(Dequantize(quantized).Zip(weights), pair => Assert.Equal(pair.Second, pair.First, 1e-4f));
    }

    [Theory]
    [MemberData(nameof(MethodsAndBits))]
    public void Quantize_RowShorterThanItsBlocks_PadsWithTheZeroPoint(string method, int bits)
    {
        var weights = Weights(rows: 3, columns: 40, seed: 3);

        var quantized = Quantize(weights, 3, 40, bits, 32, method);

        Assert.Equal(2, quantized.Blocks);
        for (var row = 0; row < 3; row++)
        {
            var zeroPoint = quantized.Minima is not null
                ? 0 : Unpack(quantized.ZeroPoints, (row * quantized.ZeroPointBytes * 8 / bits) + 1, bits);
            for (var padding = 40; padding < 64; padding++)
            {
                Assert.Equal(zeroPoint, Unpack(quantized.Codes, (row * 64) + padding, bits));
            }
        }
    }

    [Theory]
    [MemberData(nameof(MethodsAndBits))]
    public void Quantize_BlockOfZeros_DecodesToZeros(string method, int bits) =>
        Assert.All(Dequantize(Quantize(new float[64], 2, 32, bits, 16, method)), value => Assert.Equal(0, value));

    [Fact]
    public void Quantize_Searched_LeavesLessErrorThanRoundToNearest()
    {
        var weights = Weights(rows: 64, columns: 256, seed: 4);

        var nearest = SquaredError(weights, Quantize(weights, 64, 256, 4, 32, "rtn"));
        var searched = SquaredError(weights, Quantize(weights, 64, 256, 4, 32, "search"));

        TestContext.Current.TestOutputHelper?.WriteLine($"rtn {nearest:F3}, search {searched:F3}");
        Assert.True(searched < 0.95 * nearest, $"search left {searched}, round to nearest {nearest}");
    }

    [Fact]
    public void Quantize_NotANumber_NamesRowAndColumn()
    {
        var weights = Weights(rows: 2, columns: 32, seed: 5);
        weights[32 + 7] = float.NaN;

        var exception = Assert.Throws<ArgumentException>(() => Quantize(weights, 2, 32, 4, 32, "rtn"));

        Assert.Equal(
            "The weight in row 1, column 7 is 'NaN', not a finite number. " +
            "The checkpoint is damaged or its training diverged.", exception.Message);
    }

    [Theory]
    [InlineData(3, 32)]
    [InlineData(4, 8)]
    [InlineData(4, 48)]
    [InlineData(8, 512)]
    public void Quantize_UnsupportedSize_Throws(int bits, int blockSize) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Quantize(new float[64], 1, 64, bits, blockSize, "rtn"));

    [Fact]
    public void Find_UnknownMethod_ListsThoseThereAre()
    {
        var exception = Assert.Throws<ArgumentException>(() => QuantizationMethods.Find("magic"));

        Assert.StartsWith(
            "There is no quantization method 'magic'. Choose one of 'search', 'rtn', 'weighted', "
            + "'fitted', 'minima', 'gptq', 'gptq+minima', 'hqq', 'awq', 'awq+weighted', 'awq+minima', 'awq+gptq', "
            + "'nf4', 'fp4'.",
            exception.Message);
    }

    private static QuantizedMatrix Quantize(
        float[] weights, int rows, int columns, int bits, int blockSize, string method) =>
        WeightQuantizer.Quantize(
            weights, rows, columns, bits, blockSize, QuantizationMethods.Find(method),
            cancellationToken: TestContext.Current.CancellationToken);

    private static float[] Dequantize(QuantizedMatrix quantized)
    {
        var weights = new float[quantized.Rows * quantized.Columns];
        for (var row = 0; row < quantized.Rows; row++)
        {
            quantized.Dequantize(row, weights.AsSpan(row * quantized.Columns, quantized.Columns));
        }

        return weights;
    }

    private static double SquaredError(float[] weights, QuantizedMatrix quantized) =>
        weights.Zip(Dequantize(quantized)).Sum(pair => Math.Pow(pair.First - pair.Second, 2));

    private static int Unpack(byte[] packed, int index, int bits) =>
        bits == 8 ? packed[index] : (packed[index / 2] >> (4 * (index % 2))) & 15;

    // Roughly normal with deviation 1, so that a block's range stays below 8.
    private static float[] Weights(int rows, int columns, int seed)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, rows * columns).Select(_ =>
            (float)(Enumerable.Range(0, 12).Sum(_ => random.NextDouble()) - 6))];
    }
}
