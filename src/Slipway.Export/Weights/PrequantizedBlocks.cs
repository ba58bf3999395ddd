using System.Buffers;
using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Codes of the checkpoint in blocks of so many columns.</summary>
/// <remarks>Inputs are not rounded, so that a package equals the weights that the codes stand for.</remarks>
/// <param name="bits">2, 4 or 8, as many as the codes have or more.</param>
/// <param name="blockSize">Columns that share a scale; divides the checkpoint's groups.</param>
/// <param name="order">The column at each place; null where they stay in their order.</param>
internal sealed class PrequantizedBlocks(int bits, int blockSize, int[]? order) : WeightFormat
{
    private readonly int _bits = bits;
    private readonly int _blockSize = blockSize;
    private readonly int[]? _order = order;

    /// <summary>Finds the blocks that several stacks have in common.</summary>
    /// <param name="each">The blocks of each stack; null where its codes are not kept.</param>
    /// <param name="stacks">The stacks, whose blocks may not be cut off at the end of a row.</param>
    /// <returns>The blocks; null where there are none.</returns>
    public static PrequantizedBlocks? ForStacks(
        IReadOnlyList<PrequantizedBlocks?> each, IReadOnlyList<Weight> stacks)
    {
        if (each.Any(blocks => blocks is not { _order: null }))
        {
            return null;
        }

        var size = each.Min(blocks => blocks!._blockSize);
        return stacks.All(stack => stack.Columns % size == 0)
            ? new PrequantizedBlocks(each.Max(blocks => blocks!._bits), size, order: null) : null;
    }

    public override bool CanGather(int columns) => _order is null && columns % _blockSize == 0;

    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks) => this;

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var blocks = Blocks(weight);
        var (codes, scales, zeroPoints) = Write(
            writer, name, weight, [weight.Rows, blocks, CodeBytes(blocks) / blocks], [weight.Rows, blocks],
            [weight.Rows, ZeroPointBytes(blocks)]);
        return new BlockMatrix(
            name, codes, scales, zeroPoints, weight.Rows, weight.Columns, _bits, _blockSize, roundsActivations: false)
        {
            InputOrder = _order is null ? null : writer.AddParts<long>(
                $"{name}.order", ElementType.Int64, [_order.Length],
                [Array.ConvertAll(_order, column => (long)column)]),
        };
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count)
    {
        int rows = weight.Rows / count, blocks = Blocks(weight);
        var (codes, scales, zeroPoints) = Write(
            writer, name, weight, [count, rows, CodeBytes(blocks)], [count, rows, blocks],
            [count, rows, ZeroPointBytes(blocks)]);
        return new BlockStack(
            new GraphValue(codes.Name), scales, zeroPoints, _bits, _blockSize, RoundsActivations: false);
    }

    private int Blocks(Weight weight) => (weight.Columns + _blockSize - 1) / _blockSize;

    private int CodeBytes(int blocks) => blocks * _blockSize * _bits / 8;

    private int ZeroPointBytes(int blocks) => ((blocks * _bits) + 7) / 8;

    private (Initializer Codes, GraphValue Scales, GraphValue ZeroPoints) Write(
        WeightWriter writer, string name, Weight weight, long[] codeShape, long[] scaleShape, long[] zeroPointShape)
    {
        var stored = weight.Prequantized!;
        var blocks = Blocks(weight);
        List<float[]> scales = [];
        List<byte[]> zeroPoints = [];
        writer.Data.Begin((long)weight.Rows * CodeBytes(blocks));
        writer.ForChunks(name, weight, (first, rows) =>
        {
            byte[] codes = new byte[rows * CodeBytes(blocks)], zeros = new byte[rows * ZeroPointBytes(blocks)];
            var steps = new float[rows * blocks];
            Read(stored, first, rows, codes, steps, zeros);
            writer.Data.Write<byte>(codes);
            scales.Add(steps);
            zeroPoints.Add(zeros);
        });
        return (
            writer.Add($"{name}.codes", ElementType.UInt8, codeShape),
            BlockScales.Write(writer, name, scaleShape, scales, exactly: true),
            writer.AddParts($"{name}.zero_points", ElementType.UInt8, zeroPointShape, zeroPoints));
    }

    private void Read(
        PrequantizedRows stored, int first, int rows, Span<byte> packedCodes, Span<float> scales,
        Span<byte> packedZeros)
    {
        int columns = stored.Columns, groups = stored.GroupCount, blocks = (columns + _blockSize - 1) / _blockSize;
        byte[] codes = ArrayPool<byte>.Shared.Rent(rows * columns), zeros = ArrayPool<byte>.Shared.Rent(rows * groups);
        var steps = ArrayPool<float>.Shared.Rent(rows * groups);
        var line = ArrayPool<byte>.Shared.Rent((blocks * _blockSize) + blocks);
        try
        {
            stored.Read(
                first, rows, codes.AsSpan(0, rows * columns), steps.AsSpan(0, rows * groups),
                zeros.AsSpan(0, rows * groups));
            var lineCodes = line.AsSpan(0, blocks * _blockSize);
            var lineZeros = line.AsSpan(blocks * _blockSize, blocks);
            int codeBytes = packedCodes.Length / rows, zeroBytes = packedZeros.Length / rows;
            for (var row = 0; row < rows; row++)
            {
                for (var block = 0; block < blocks; block++)
                {
                    var group = (row * groups) + (block * _blockSize / stored.GroupSize);
                    lineZeros[block] = zeros[group];
                    scales[(row * blocks) + block] = steps[group];
                }

                ReadOnlySpan<byte> source = codes.AsSpan(row * columns, columns);
                for (var place = 0; place < columns; place++)
                {
                    lineCodes[place] = source[_order is null ? place : _order[place]];
                }

                // What pads the last block stands for zero.
                lineCodes[columns..].Fill(lineZeros[^1]);
                WeightQuantizer.Pack(lineCodes, packedCodes.Slice(row * codeBytes, codeBytes), _bits);
                WeightQuantizer.Pack(lineZeros, packedZeros.Slice(row * zeroBytes, zeroBytes), _bits);
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
