using System.Buffers;
using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Codes as the checkpoint holds them; half precision for what it holds as numbers.</summary>
/// <remarks>Inputs are not rounded, so that a package equals the weights that the codes stand for.</remarks>
/// <param name="bits">Bits of the codes to keep.</param>
internal sealed class PrequantizedFormat(int bits) : WeightFormat
{
    private const int SmallestBlock = 16, MaxBlock = 256;

    private readonly FloatFormat _numbers = new(ElementType.Float16);

    public override bool CanGather(int columns) => true;

    public override WeightFormat ForStacks(params IReadOnlyList<int> columns) => _numbers;

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count) =>
        _numbers.WriteStack(writer, name, weight, count);

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        if (weight.Prequantized is not { } stored || stored.Bits != bits || BlockSize(stored) is not { } blockSize)
        {
            return _numbers.Write(writer, name, weight);
        }

        var order = stored.Order(name);
        int blocks = (weight.Columns + blockSize - 1) / blockSize, zeroPointBytes = ((blocks * bits) + 7) / 8;
        var codeBytes = blocks * blockSize * bits / 8;
        List<float[]> scales = [];
        List<byte[]> zeroPoints = [];
        writer.Data.Begin((long)weight.Rows * codeBytes);
        writer.ForChunks(name, weight, (first, rows) =>
        {
            byte[] codes = new byte[rows * codeBytes], zeros = new byte[rows * zeroPointBytes];
            var steps = new float[rows * blocks];
            Read(stored, order, first, rows, blockSize, codes, steps, zeros);
            writer.Data.Write<byte>(codes);
            scales.Add(steps);
            zeroPoints.Add(zeros);
        });
        return new BlockMatrix(
            name, writer.Add($"{name}.codes", ElementType.UInt8, [weight.Rows, blocks, codeBytes / blocks]),
            BlockScales.Write(writer, name, [weight.Rows, blocks], scales),
            writer.AddParts($"{name}.zero_points", ElementType.UInt8, [weight.Rows, zeroPointBytes], zeroPoints),
            weight.Rows, weight.Columns, bits, blockSize, roundsActivations: false)
        {
            InputOrder = order is null ? null : writer.AddParts<long>(
                $"{name}.order", ElementType.Int64, [order.Length], [Array.ConvertAll(order, column => (long)column)]),
        };
    }

    // The largest block that groups consist of; null where the operator has none so small.
    private static int? BlockSize(PrequantizedRows stored)
    {
        var size = MaxBlock;
        while (size > SmallestBlock
            && (size > stored.Columns || (stored.GroupSize < stored.Columns && stored.GroupSize % size != 0)))
        {
            size /= 2;
        }

        return stored.GroupSize >= stored.Columns || stored.GroupSize % size == 0 ? size : null;
    }

    private void Read(
        PrequantizedRows stored, int[]? order, int first, int rows, int blockSize, Span<byte> packedCodes,
        Span<float> scales, Span<byte> packedZeros)
    {
        int columns = stored.Columns, groups = stored.GroupCount, blocks = (columns + blockSize - 1) / blockSize;
        byte[] codes = ArrayPool<byte>.Shared.Rent(rows * columns), zeros = ArrayPool<byte>.Shared.Rent(rows * groups);
        var steps = ArrayPool<float>.Shared.Rent(rows * groups);
        var line = ArrayPool<byte>.Shared.Rent((blocks * blockSize) + blocks);
        try
        {
            stored.Read(
                first, rows, codes.AsSpan(0, rows * columns), steps.AsSpan(0, rows * groups),
                zeros.AsSpan(0, rows * groups));
            var lineCodes = line.AsSpan(0, blocks * blockSize);
            var lineZeros = line.AsSpan(blocks * blockSize, blocks);
            int codeBytes = packedCodes.Length / rows, zeroBytes = packedZeros.Length / rows;
            for (var row = 0; row < rows; row++)
            {
                for (var block = 0; block < blocks; block++)
                {
                    var group = (row * groups) + (block * blockSize / stored.GroupSize);
                    lineZeros[block] = zeros[group];
                    scales[(row * blocks) + block] = steps[group];
                }

                ReadOnlySpan<byte> source = codes.AsSpan(row * columns, columns);
                for (var place = 0; place < columns; place++)
                {
                    lineCodes[place] = source[order is null ? place : order[place]];
                }

                // What pads the last block stands for zero.
                lineCodes[columns..].Fill(lineZeros[^1]);
                WeightQuantizer.Pack(lineCodes, packedCodes.Slice(row * codeBytes, codeBytes), bits);
                WeightQuantizer.Pack(lineZeros, packedZeros.Slice(row * zeroBytes, zeroBytes), bits);
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<byte>.Shared.Return(zeros);
            ArrayPool<float>.Shared.Return(steps);
            ArrayPool<byte>.Shared.Return(line);
        }
    }
}
