using System.Numerics.Tensors;
using Slipway.Export.Quantization;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Codes of few bits in blocks.</summary>
internal sealed class BlockFormat(int bits, int blockSize, QuantizationMethod method, bool roundsActivations)
    : WeightFormat
{
    private const int SmallestBlock = 16;

    /// <summary>Statistics of the matrix's inputs, or of each expert's.</summary>
    public MatrixInputs Inputs { get; init; } = MatrixInputs.None;

    public override bool CanGather(int columns) => columns % blockSize == 0;

    // Experts' blocks may not be cut off at the end of a row: what no block size divides stays in half precision.
    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks)
    {
        var size = blockSize;
        while (size > SmallestBlock && stacks.Any(stack => stack.Columns % size != 0))
        {
            size /= 2;
        }

        return stacks.Any(stack => stack.Columns % size != 0) ? new FloatFormat(ElementType.Float16)
            : size == blockSize ? this
            : new BlockFormat(bits, size, method, roundsActivations) { Inputs = Inputs };
    }

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var blocks = Blocks(weight);
        if (MethodFor(weight).Values is { } values)
        {
            var table = Write(
                writer, name, weight, [(long)weight.Rows * weight.Columns / 2], [weight.Rows, blocks], [],
                MethodFor(weight));
            return new TableMatrix(
                name, table.Codes, table.Scales, values, weight.Rows, weight.Columns, blockSize);
        }

        var (codes, scales, offsets) = Write(
            writer, name, weight, [weight.Rows, blocks, blockSize * bits / 8], [weight.Rows, blocks],
            [weight.Rows, ((blocks * bits) + 7) / 8], MethodFor(weight));
        var hasMinima = MethodFor(weight).HasMinima;
        return new BlockMatrix(
            name, codes, scales, hasMinima ? default : offsets, weight.Rows, weight.Columns, bits, blockSize,
            roundsActivations)
        {
            Minima = hasMinima ? offsets : null,
        };
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count)
    {
        int rows = weight.Rows / count, blocks = Blocks(weight);
        var (codes, scales, zeroPoints) = Write(
            writer, name, weight, [count, rows, (long)weight.Columns * bits / 8], [count, rows, blocks],
            [count, rows, ((blocks * bits) + 7) / 8], WithZeroPoints);
        return new BlockStack(
            new GraphValue(codes.Name), scales, zeroPoints, bits, blockSize, RoundsActivations: true);
    }

    private int Blocks(Weight weight) => (weight.Columns + blockSize - 1) / blockSize;

    // Experts have zero points, and so have rows that end within a block.
    private QuantizationMethod WithZeroPoints => method.HasMinima ? QuantizationMethods.Calibrated
        : method.Values is not null ? QuantizationMethods.Default : method;

    private QuantizationMethod MethodFor(Weight weight) => weight.Columns % blockSize == 0 ? method : WithZeroPoints;

    // Offsets are zero points or minima, or nothing beside tables of values.
    private (Initializer Codes, GraphValue Scales, GraphValue Offsets) Write(
        WeightWriter writer, string name, Weight weight, long[] codeShape, long[] scaleShape, long[] zeroPointShape,
        QuantizationMethod chosen)
    {
        if (writer.IsQuantized(weight))
        {
            writer.Requantized.Add(name);
        }

        List<float[]> scales = [], minima = [];
        List<byte[]> zeroPoints = [];
        BlockLayout layout = new(weight.Columns, bits, blockSize);
        writer.Data.Begin((long)weight.Rows * Blocks(weight) * blockSize * bits / 8);
        var each = Inputs.Experts ?? [Inputs.All];
        var share = weight.Rows / each.Count;
        for (var index = 0; index < each.Count; index++)
        {
            var quantize = chosen.Prepare(layout, each[index]);
            var rowsOfPart = each.Count == 1 ? weight : new RowRange(weight, index * share, share);
            writer.ReadChunks(name, rowsOfPart, (chunk, rows) =>
            {
                var part = Quantize(writer, name, chunk, rows, layout, quantize, chosen.HasMinima);
                if (chosen.Values is not null)
                {
                    CodeTable.Swap(part.Codes);
                }

                writer.Data.Write<byte>(part.Codes);
                scales.Add(part.Scales);
                zeroPoints.Add(part.ZeroPoints);
                minima.Add(part.Minima ?? []);
            });
        }

        var codes = writer.Add($"{name}.codes", ElementType.UInt8, codeShape);
        if (chosen.HasMinima)
        {
            var grid = BlockScales.Write(writer, name, scaleShape, scales, minima);
            return (codes, grid.Scales, grid.Minima);
        }

        var steps = BlockScales.Write(writer, name, scaleShape, scales);
        return (codes, steps, chosen.Values is not null ? default
            : writer.AddParts($"{name}.zero_points", ElementType.UInt8, zeroPointShape, zeroPoints));
    }

    private static QuantizedMatrix Quantize(
        WeightWriter writer, string name, ReadOnlyMemory<float> chunk, int rows, BlockLayout layout,
        RowQuantizer quantize, bool hasMinima)
    {
        try
        {
            return WeightQuantizer.Quantize(chunk, rows, layout, quantize, hasMinima, writer.CancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw writer.Bad(name, $"cannot be quantized: {exception.Message.TrimEnd('.')}", exception);
        }
    }
}

/// <summary>Weights as codes of few bits, with a scale and a zero point for each block.</summary>
/// <param name="name">The tensor's name.</param>
/// <param name="codes">uint8 [rows, blocks, blockSize·bits/8].</param>
/// <param name="scales">float [rows, blocks].</param>
/// <param name="zeroPoints">uint8 [rows, blocks·bits/8 rounded up].</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="bits">2, 4 or 8.</param>
/// <param name="blockSize">Weights that share a scale.</param>
/// <param name="roundsActivations">Whether inputs are rounded to 8 bits, which is faster.</param>
internal sealed class BlockMatrix(
    string name, Initializer codes, GraphValue scales, GraphValue zeroPoints, int rows, int columns, int bits,
    int blockSize, bool roundsActivations) : GraphWeight
{
    /// <summary>
    /// int64 [columns]: which input each column multiplies; null where that is the one of its own place.
    /// </summary>
    public GraphValue? InputOrder { get; init; }

    /// <summary>
    /// float [rows, blocks]: what is added to each block's weights, code · scale + minimum; null for zero points.
    /// </summary>
    public GraphValue? Minima { get; init; }

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        x = InputOrder is { } order ? scope.Gather(x, order, -1) : x;
        var product = scope.MatMulNBits(
            x, new GraphValue(codes.Name), scales, zeroPoints, bias, rows, columns, bits, blockSize, roundsActivations);
        return Minima is { } minima
            ? BlockMinima.AddTo(scope, product, x, (scales, minima), bits, columns / blockSize, blockSize) : product;
    }

    public override GraphValue Gather(NodeScope scope, GraphValue indices)
    {
        if (InputOrder is not null)
        {
            throw new NotSupportedException(
                $"The columns of the table '{name}' are quantized out of their order ('g_idx'), in which rows cannot "
                + "be looked up. Export it to fp16, or quantize it anew by naming a method.");
        }

        // The same bytes under the shape that this operator asks for.
        Initializer table = new($"{name}.table", ElementType.UInt8, [rows, (long)columns * bits / 8], codes.Data);
        scope.Graph.AddInitializer(table);
        var gathered = scope.GatherBlockQuantized(
            new GraphValue(table.Name), indices, scales, zeroPoints, bits, blockSize);
        return Minima is { } minima
            ? BlockMinima.AddToRows(scope, gathered, indices, (scales, minima), bits, columns / blockSize, blockSize)
            : gathered;
    }
}

/// <summary>A stack of few-bit codes.</summary>
/// <param name="Codes">uint8 [count, rows, columns·bits/8].</param>
/// <param name="Scales">float [count, rows, blocks].</param>
/// <param name="ZeroPoints">uint8 [count, rows, blocks·bits/8 rounded up].</param>
/// <param name="Bits">2, 4 or 8.</param>
/// <param name="BlockSize">Weights that share a scale.</param>
/// <param name="RoundsActivations">Whether inputs are rounded to 8 bits, as they always are beside 8-bit codes.</param>
internal sealed record BlockStack(
    GraphValue Codes, GraphValue Scales, GraphValue ZeroPoints, int Bits, int BlockSize, bool RoundsActivations)
    : GraphStack;

/// <summary>Stores the scales of blocks in 16 bits where half precision holds them.</summary>
/// <remarks>
/// <code>
/// name.scales (float16) ── Cast ── float32, which the operators ask for
/// </code>
/// ONNX Runtime computes the cast of a constant once, when a session opens; the kernels of this library read the
/// constant itself. A matrix stays in float32 where a scale overflows, or where the largest scale of a row is too small
/// to keep all 11 bits: then codes of that row would stand for noticeably other weights.
/// </remarks>
internal static class BlockScales
{
    // The smallest number that half precision holds with all its bits, 2^-14.
    private const float MinNormal = 6.103515625e-5f;
    private const float MaxHalf = 65504;

    /// <summary>Writes scales [.., blocks] and returns them as float32.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="name">The matrix's name.</param>
    /// <param name="shape">The last dimension is the number of a row's blocks.</param>
    /// <param name="parts">Whole rows, in order.</param>
    /// <param name="exactly">Tells whether scales must stay what they are, not only near.</param>
    public static GraphValue Write(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> parts,
        bool exactly = false)
        => Add(writer, $"{name}.scales", shape, parts, FitHalf(parts, (int)shape[^1], exactly));

    /// <summary>Writes scales and minima, both [.., blocks] and of one type, and returns them as float32.</summary>
    /// <param name="writer">Where they go.</param>
    /// <param name="name">The matrix's name.</param>
    /// <param name="shape">The last dimension is the number of a row's blocks.</param>
    /// <param name="scales">Whole rows, in order.</param>
    /// <param name="minima">As many.</param>
    public static (GraphValue Scales, GraphValue Minima) Write(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> scales,
        IReadOnlyList<float[]> minima)
    {
        var areHalves = FitHalf(scales, (int)shape[^1], exactly: false)
            && FitHalf(minima, (int)shape[^1], exactly: false);
        return (
            Add(writer, $"{name}.scales", shape, scales, areHalves),
            Add(writer, $"{name}.minima", shape, minima, areHalves));
    }

    private static GraphValue Add(
        WeightWriter writer, string name, IReadOnlyList<long> shape, IReadOnlyList<float[]> parts, bool areHalves)
    {
        if (!areHalves)
        {
            return writer.AddParts(name, ElementType.Float32, shape, parts);
        }

        var halves = writer.AddParts(name, ElementType.Float16, shape, [.. parts.Select(Narrow)]);
        return new NodeScope(writer.Graph, $"/{name}").Cast(halves, ElementType.Float32);
    }

    // Numbers that half precision holds exactly fit it, whatever their size.
    private static bool FitHalf(IReadOnlyList<float[]> parts, int blocks, bool exactly)
        => parts.All(part => AreHalves(part) || (!exactly && HaveLargeRows(part, blocks)));

    private static bool AreHalves(float[] scales) => Array.TrueForAll(scales, scale => (float)(Half)scale == scale);

    private static bool HaveLargeRows(float[] scales, int blocks)
    {
        for (var start = 0; start < scales.Length; start += blocks)
        {
            var row = scales.AsSpan(start, blocks);
            var largest = Math.Abs(TensorPrimitives.MaxMagnitude<float>(row));
            if (!(largest == 0 || largest is >= MinNormal and <= MaxHalf))
            {
                return false;
            }
        }

        return true;
    }

    private static Half[] Narrow(float[] scales)
    {
        var halves = new Half[scales.Length];
        TensorPrimitives.ConvertToHalf(scales, halves);
        return halves;
    }
}
