namespace Slipway.Export.Quantization;

/// <summary>
/// Multiplies the columns of weights whose inputs are large, divides what makes these inputs by the same factors, and
/// quantizes what comes of it by another method.
/// </summary>
/// <remarks>
/// With s for each input, (W·diag(s))·(diag(s)⁻¹·x) is W·x, but the grids of W·diag(s) are finer where s is large. The
/// factors are mean(x²)^(α/2), with the α that leaves the smallest error of the outputs over the calibration text.
/// They go into the norm, or the rows of the matrix, that inputs come from, so nothing is computed that was not before;
/// inputs that are made otherwise, or read by something else too, stay as they are. Source: Lin et al., AWQ (arXiv
/// 2306.00978).
/// </remarks>
/// <param name="grid">The method that quantizes the scaled weights.</param>
/// <param name="isPlain">Whether it is the grid that is used where none is named.</param>
public sealed class Awq(QuantizationMethod grid, bool isPlain) : QuantizationMethod
{
    /// <inheritdoc/>
    public override string Name => isPlain ? "awq" : $"awq+{grid.Name}";

    /// <inheritdoc/>
    public override string Description =>
        $"scales columns whose inputs are large, folded into the layer before, then {grid.Name}";

    /// <inheritdoc/>
    public override StatisticsNeed Needs => StatisticsNeed.Products;

    /// <inheritdoc/>
    public override bool HasMinima => grid.HasMinima;

    /// <inheritdoc/>
    public override bool ScalesInputs => true;

    /// <summary>The method by which factors are tried: rounding weight after weight needs too much work each time.
    /// </summary>
    internal QuantizationMethod Trial => grid is Gptq gptq ? gptq.Grid : grid;

    /// <inheritdoc/>
    public override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics) =>
        grid.Prepare(layout, statistics);
}
