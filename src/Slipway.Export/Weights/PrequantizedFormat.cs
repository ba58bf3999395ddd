namespace Slipway.Export.Weights;

/// <summary>Codes as the checkpoint holds them, where the operators can hold them.</summary>
/// <param name="bits">Bits of the codes in the package, 4 or 8; codes that take more have 8.</param>
/// <param name="keepsCodes">Tells whether codes are kept; otherwise all are quantized anew.</param>
/// <param name="anew">For codes that no operator can hold as they are.</param>
/// <param name="numbers">For what the checkpoint holds as numbers.</param>
internal sealed class PrequantizedFormat(int bits, bool keepsCodes, BlockFormat anew, WeightFormat numbers)
    : WeightFormat
{
    private const int SmallestBlock = 16, MaxBlock = 256;

    public override bool CanGather(int columns) => numbers.CanGather(columns);

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var format = Blocks(weight) ?? (writer.IsQuantized(weight) ? anew : numbers);
        return format.Write(writer, name, weight);
    }

    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks)
    {
        PrequantizedBlocks?[] each = [.. stacks.Select(Blocks)];
        return PrequantizedBlocks.ForStacks(each, stacks)
            ?? (each.All(blocks => blocks is null) ? numbers : anew).ForStacks(stacks);
    }

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count) =>
        ForStacks(weight).WriteStack(writer, name, weight, count);

    // How the codes of a matrix are kept; null where they are not.
    private PrequantizedBlocks? Blocks(Weight weight) =>
        keepsCodes && weight.Prequantized is { } stored && stored.TryOrder(out var order)
        && BlockSize(stored) is { } blockSize
            ? new PrequantizedBlocks(stored.Bits > bits ? 8 : bits, blockSize, order) : null;

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
}
