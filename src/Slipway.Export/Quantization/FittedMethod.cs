namespace Slipway.Export.Quantization;

/// <summary>A method that searches the grid of each block, then solves those of a whole row together.</summary>
public abstract class FittedMethod : QuantizationMethod
{
    /// <inheritdoc/>
    public sealed override StatisticsNeed Needs => StatisticsNeed.Products;

    /// <inheritdoc/>
    public sealed override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var search = PrepareSearch(layout, statistics);
        return PrepareFit(layout, statistics) is not { } fit ? search : (row, codes, scales, offsets) =>
        {
            search(row, codes, scales, offsets);
            fit(row, codes, scales, offsets);
        };
    }

    /// <summary>Prepares to search the grid of each block by itself.</summary>
    internal abstract RowQuantizer PrepareSearch(BlockLayout layout, InputStatistics? statistics);

    /// <summary>Prepares to solve a row's grids for the codes that it has; null where products of inputs are not
    /// known.</summary>
    internal abstract RowFit? PrepareFit(BlockLayout layout, InputStatistics? statistics);

    /// <summary>Moves the grids of a row whose codes are fixed to the smallest error of its output.</summary>
    /// <param name="row">The row's weights.</param>
    /// <param name="codes">A code for each, and for the padding of the last block.</param>
    /// <param name="scales">Scales of blocks, which it replaces.</param>
    /// <param name="offsets">Zero points, which it keeps, or minima, which it replaces.</param>
    internal delegate void RowFit(
        ReadOnlySpan<float> row, ReadOnlySpan<byte> codes, Span<float> scales, Span<float> offsets);
}
