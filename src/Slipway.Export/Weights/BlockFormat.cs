using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Codes of 4 or 8 bits in blocks.</summary>
internal sealed class BlockFormat(int bits, int blockSize, QuantizationMethod method, bool roundsActivations)
    : WeightFormat
{
    private const int SmallestBlock = 16;

    public override bool CanGather(int columns) => columns % blockSize == 0;

    // Experts' blocks may not be cut off at the end of a row: what no block size divides stays in half precision.
    public override WeightFormat ForStacks(params IReadOnlyList<int> columns)
    {
        var size = blockSize;
        while (size > SmallestBlock && columns.Any(count => count % size != 0))
        {
            size /= 2;
        }

        return columns.Any(count => count % size != 0) ? new FloatFormat(ElementType.Float16)
            : size == blockSize ? this
            : new BlockFormat(bits, size, method, roundsActivations);
    }

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var blocks = Blocks(weight);
        var (codes, scales, zeroPoints) = Write(
            writer, name, weight, [weight.Rows, blocks, blockSize * bits / 8], [weight.Rows, blocks],
            [weight.Rows, ((blocks * bits) + 7) / 8]);
        return new BlockMatrix(
            name, codes, scales, zeroPoints, weight.Rows, weight.Columns, bits, blockSize, roundsActivations);
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count)
    {
        int rows = weight.Rows / count, blocks = Blocks(weight);
        var (codes, scales, zeroPoints) = Write(
            writer, name, weight, [count, rows, (long)weight.Columns * bits / 8], [count, rows, blocks],
            [count, rows, ((blocks * bits) + 7) / 8]);
        return new BlockStack(new GraphValue(codes.Name), scales, zeroPoints, bits, blockSize);
    }

    private int Blocks(Weight weight) => (weight.Columns + blockSize - 1) / blockSize;

    private (Initializer Codes, GraphValue Scales, GraphValue ZeroPoints) Write(
        WeightWriter writer, string name, Weight weight, long[] codeShape, long[] scaleShape, long[] zeroPointShape)
    {
        List<float[]> scales = [];
        List<byte[]> zeroPoints = [];
        writer.Data.Begin((long)weight.Rows * Blocks(weight) * blockSize * bits / 8);
        writer.ReadChunks(name, weight, (chunk, rows) =>
        {
            var part = Quantize(writer, name, chunk, rows, weight.Columns);
            writer.Data.Write<byte>(part.Codes);
            scales.Add(part.Scales);
            zeroPoints.Add(part.ZeroPoints);
        });
        return (
            writer.Add($"{name}.codes", ElementType.UInt8, codeShape),
            writer.AddParts($"{name}.scales", ElementType.Float32, scaleShape, scales),
            writer.AddParts($"{name}.zero_points", ElementType.UInt8, zeroPointShape, zeroPoints));
    }

    private QuantizedMatrix Quantize(
        WeightWriter writer, string name, ReadOnlyMemory<float> chunk, int rows, int columns)
    {
        try
        {
            return WeightQuantizer.Quantize(chunk, rows, columns, bits, blockSize, method, writer.CancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw writer.Bad(name, $"cannot be quantized: {exception.Message.TrimEnd('.')}", exception);
        }
    }
}
