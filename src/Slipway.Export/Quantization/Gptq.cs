namespace Slipway.Export.Quantization;

/// <summary>
/// Searches the grids of blocks, rounds a row's weights one after the other, each one's error moved into the weights
/// that are still to come, and solves the row's grids for the codes that came of it.
/// </summary>
/// <remarks>Source of the rounding: Frantar et al., GPTQ (arXiv 2210.17323).</remarks>
/// <param name="grid">The method that searches and solves the grids.</param>
/// <param name="isPlain">Whether it is the grid that is used where none is named.</param>
public sealed class Gptq(FittedMethod grid, bool isPlain) : QuantizationMethod
{
    /// <inheritdoc/>
    public override string Name => isPlain ? "gptq" : $"gptq+{grid.Name}";

    /// <inheritdoc/>
    public override string Description =>
        $"rounds weight after weight and moves each error into those to come, over the grids of {grid.Name}";

    /// <inheritdoc/>
    public override StatisticsNeed Needs => StatisticsNeed.Products;

    /// <inheritdoc/>
    public override bool HasMinima => grid.HasMinima;

    /// <summary>The grids alone, which take much less work.</summary>
    internal FittedMethod Grid => grid;

    /// <inheritdoc/>
    public override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var search = grid.PrepareSearch(layout, statistics);
        if (statistics?.Compensation is not { } compensation
            || grid.PrepareFit(layout, statistics) is not { } fit)
        {
            return search;
        }

        return (row, codes, scales, offsets) =>
        {
            search(row, codes, scales, offsets);
            compensation.Round(row, layout, codes, scales, offsets, HasMinima);
            fit(row, codes, scales, offsets);
        };
    }
}
