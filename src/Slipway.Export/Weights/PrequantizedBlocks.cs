using System.Buffers;
using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Codes of the checkpoint in blocks of so many columns.</summary>
/// <remarks>
/// Where inputs are not rounded, ONNX Runtime computes what the weights come to that the codes stand for; the kernels
/// round them nevertheless. Zero points that are all the middle code are left out.
/// </remarks>
/// <param name="bits">2, 4 or 8, as many as the codes have or more.</param>
/// <param name="blockSize">Columns that share a scale; divides the checkpoint's groups.</param>
/// <param name="order">The column at each place; null where they stay in their order.</param>
/// <param name="roundsActivations">Tells whether inputs are rounded to 8 bits.</param>
internal sealed class PrequantizedBlocks(int bits, int blockSize, int[]? order, bool roundsActivations) : WeightFormat
{
    private readonly int _bits = bits;
    private readonly int _blockSize = blockSize;
    private readonly int[]? _order = order;
    private readonly bool _roundsActivations = roundsActivations;

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
            && stacks.All(stack => stack.Prequantized is { HasMinima: false, Values: null })
            ? new PrequantizedBlocks(
                each.Max(blocks => blocks!._bits), size, order: null, each[0]!._roundsActivations)
            : null;
    }

    public override bool CanGather(int columns) => _order is null && columns % _blockSize == 0;

    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks) => this;

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var blocks = Blocks(weight);
        if (weight.Prequantized!.Values is { } values)
        {
            var table = Write(
                writer, name, weight, [(long)weight.Rows * CodeBytes(blocks)], [weight.Rows, blocks], [],
                canOmitZeroPoints: true);
            return new TableMatrix(
                name, table.Codes, table.Scales, values, weight.Rows, weight.Columns, _blockSize);
        }

        var (codes, scales, offsets) = Write(
            writer, name, weight, [weight.Rows, blocks, CodeBytes(blocks) / blocks], [weight.Rows, blocks],
            [weight.Rows, ZeroPointBytes(blocks)], canOmitZeroPoints: true);
        var hasMinima = weight.Prequantized!.HasMinima;
        return new BlockMatrix(
            name, codes, scales, hasMinima ? default : offsets, weight.Rows, weight.Columns, _bits, _blockSize,
            _roundsActivations)
        {
            Minima = hasMinima ? offsets : null,
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
            [count, rows, ZeroPointBytes(blocks)], canOmitZeroPoints: false);
        return new BlockStack(
            new GraphValue(codes.Name), scales, zeroPoints, _bits, _blockSize, _roundsActivations);
    }

    private int Blocks(Weight weight) => (weight.Columns + _blockSize - 1) / _blockSize;

    private int CodeBytes(int blocks) => blocks * _blockSize * _bits / 8;

    private int ZeroPointBytes(int blocks) => ((blocks * _bits) + 7) / 8;

    // Offsets are zero points, nothing where all are the middle code, or minima.
    private (Initializer Codes, GraphValue Scales, GraphValue Offsets) Write(
        WeightWriter writer, string name, Weight weight, long[] codeShape, long[] scaleShape, long[] zeroPointShape,
        bool canOmitZeroPoints)
    {
        var stored = weight.Prequantized!;
        var blocks = Blocks(weight);
        List<float[]> scales = [], minima = [];
        List<byte[]> zeroPoints = [];
        writer.Data.Begin((long)weight.Rows * CodeBytes(blocks));
        writer.ForChunks(name, weight, (first, rows) =>
        {
            byte[] codes = new byte[rows * CodeBytes(blocks)], zeros = new byte[rows * ZeroPointBytes(blocks)];
            float[] steps = new float[rows * blocks], lows = stored.HasMinima ? new float[rows * blocks] : [];
            Read(stored, first, rows, codes, steps, zeros, lows);
            if (stored.Values is not null)
            {
                CodeTable.Swap(codes);
            }

            writer.Data.Write<byte>(codes);
            scales.Add(steps);
            minima.Add(lows);
            zeroPoints.Add(zeros);
        });
        var added = writer.Add($"{name}.codes", ElementType.UInt8, codeShape);
        if (stored.HasMinima)
        {
            var (steps, lows) = BlockScales.Write(writer, name, scaleShape, scales, minima);
            return (added, steps, lows);
        }

        var middle = (byte)(_bits switch { 8 => 0x80, 4 => 0x88, _ => 0xAA });
        return (
            added, BlockScales.Write(writer, name, scaleShape, scales, exactly: true),
            canOmitZeroPoints && (stored.Values is not null
                || zeroPoints.TrueForAll(zeros => Array.TrueForAll(zeros, zero => zero == middle)))
                ? default
                : writer.AddParts($"{name}.zero_points", ElementType.UInt8, zeroPointShape, zeroPoints));
    }

    private void Read(
        PrequantizedRows stored, int first, int rows, Span<byte> packedCodes, Span<float> scales,
        Span<byte> packedZeros, Span<float> minima)
    {
        int columns = stored.Columns, groups = stored.GroupCount, blocks = (columns + _blockSize - 1) / _blockSize;
        var codes = ArrayPool<byte>.Shared.Rent(rows * columns);
        var steps = ArrayPool<float>.Shared.Rent(rows * groups);
        var zeros = ArrayPool<float>.Shared.Rent(rows * groups);
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
                    scales[(row * blocks) + block] = steps[group];
                    if (stored.HasMinima)
                    {
                        minima[(row * blocks) + block] = -zeros[group] * steps[group];
                    }
                    else
                    {
                        lineZeros[block] = (byte)zeros[group];
                    }
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
            ArrayPool<float>.Shared.Return(zeros);
            ArrayPool<float>.Shared.Return(steps);
            ArrayPool<byte>.Shared.Return(line);
        }
    }
}
