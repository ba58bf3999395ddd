using Slipway.Checkpoints;
using Slipway.Export.Quantization;

namespace Slipway.Export.Weights;

/// <summary>Codes as the checkpoint holds them, where the operators can hold them.</summary>
/// <param name="bits">Bits of the codes in the package, 2, 4 or 8; codes that take more have the next of these.</param>
/// <param name="keepsCodes">Tells whether codes are kept; otherwise all are quantized anew.</param>
/// <param name="anew">For codes that no operator can hold as they are.</param>
/// <param name="numbers">For what the checkpoint holds as numbers.</param>
/// <param name="checkpoint">The checkpoint.</param>
/// <param name="table">The table of values that codes are kept with; null where only grids are kept.</param>
/// <param name="roundsActivations">Tells whether inputs of kept codes are rounded to 8 bits, which is faster.</param>
internal sealed class PrequantizedFormat(
    int bits, bool keepsCodes, BlockFormat anew, WeightFormat numbers, Checkpoint checkpoint,
    QuantizationMethod? table = null, bool roundsActivations = false) : WeightFormat
{
    private static readonly int[] Widths = [2, 4, 8];

    private static readonly int[] Sizes = [256, 128, 64, 32, 16];

    /// <summary>Tells whether codes are kept.</summary>
    public bool KeepsCodes => keepsCodes;

    public override bool CanGather(int columns) => numbers.CanGather(columns);

    public override GraphWeight Write(WeightWriter writer, string name, Weight weight)
    {
        var format = Blocks(weight) ?? (IsQuantized(weight) ? anew : numbers);
        return format.Write(writer, name, weight);
    }

    // The operator of experts has no minima: types that have them are held as what takes more bits is.
    public override WeightFormat ForStacks(params IReadOnlyList<Weight> stacks) =>
        PrequantizedBlocks.ForStacks([.. stacks.Select(Blocks)], stacks)
        ?? (stacks.Any(IsQuantized) ? anew : numbers).ForStacks(stacks);

    public override GraphStack WriteStack(WeightWriter writer, string name, Weight weight, int count) =>
        ForStacks(weight).WriteStack(writer, name, weight, count);

    private bool IsQuantized(Weight weight) =>
        weight.SourceOf(0) is { } source && checkpoint.IsQuantized(source.Tensor);

    // How the codes of a matrix are kept; null where they are not.
    private PrequantizedBlocks? Blocks(Weight weight) =>
        KeepsCodes && weight.Prequantized is { } stored && CodeTable.AreEqual(stored.Values, table?.Values)
        && stored.TryOrder(out var order)
        && BlockSize(stored) is { } blockSize && (!stored.HasMinima || HoldsMinima(stored, blockSize))
            ? new PrequantizedBlocks(
                Array.Find(Widths, width => width >= Math.Max(bits, stored.Bits)), blockSize, order, roundsActivations)
            : null;

    // Minima take twice the room of zero points: codes of fewer bits than the package's are quantized anew.
    private bool HoldsMinima(PrequantizedRows stored, int blockSize) =>
        stored.Bits == bits && stored.Columns % blockSize == 0;

    // The largest block that groups consist of, and rows too where one is, since whole rows are what the kernels take;
    // null where the operator has none so small.
    private static int? BlockSize(PrequantizedRows stored)
    {
        int[] sizes =
        [
            .. Sizes.Where(size => size == Sizes[^1] || size <= stored.Columns)
                .Where(size => stored.GroupSize >= stored.Columns || stored.GroupSize % size == 0),
        ];
        return Array.Find(sizes, size => stored.Columns % size == 0) is var whole and > 0 ? whole
            : sizes.Length > 0 ? sizes[0]
            : null;
    }
}
