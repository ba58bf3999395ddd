using System.Buffers;
using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>
/// Rounds a row's weights one after the other and moves each one's error into the weights that are still to come, as
/// the inputs' products say they can make good for it.
/// </summary>
/// <remarks>
/// Grids are those of <see cref="WeightedSearch"/>; the inputs with the largest squares come first (act-order), and
/// blocks stay where they are. With H = mean(x·xᵀ) + damping in the reverse of that order and H = L·Lᵀ, the weights t
/// that are left are corrected by row t of L⁻¹. Source: Frantar et al., arXiv 2210.17323.
/// </remarks>
public sealed class Gptq : QuantizationMethod
{
    // Part of the mean square of all inputs that is added to each one's; more where that is not enough.
    private const float Damping = 0.01f;
    private const float MaxDamping = 1;

    private static readonly WeightedSearch Search = new();

    /// <inheritdoc/>
    public override string Name => "gptq";

    /// <inheritdoc/>
    public override string Description =>
        "rounds weight after weight and moves each error into those to come, over the weighted search's grids";

    /// <inheritdoc/>
    public override StatisticsNeed Needs => StatisticsNeed.Products;

    /// <inheritdoc/>
    public override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var search = Search.Prepare(layout, statistics);
        if (statistics?.Products is not { } products || !(statistics.Mean > 0))
        {
            return search;
        }

        int[] order = [.. Enumerable.Range(0, layout.Columns).OrderBy(column => statistics.Moments[column])];
        var corrections = Corrections(products, order, statistics.Mean);
        return corrections is null ? search : (row, codes, scales, zeroPoints) =>
        {
            search(row, codes, scales, zeroPoints);
            Round(row, order, corrections, layout, codes, scales, zeroPoints);
        };
    }

    // The last of the order is rounded first.
    private static float[]? Corrections(float[] products, int[] order, float mean)
    {
        var size = order.Length;
        for (var damping = Damping; damping <= MaxDamping; damping *= 10)
        {
            var matrix = new float[products.Length];
            Parallel.For(0, size, row =>
            {
                for (var column = 0; column <= row; column++)
                {
                    matrix[(row * size) + column] = products[(order[row] * size) + order[column]];
                }

                matrix[(row * size) + row] += damping * mean;
            });
            if (SymmetricSystem.InverseFactor(matrix, size) is { } corrections)
            {
                return corrections;
            }
        }

        return null;
    }

    private static void Round(
        ReadOnlySpan<float> row, int[] order, ReadOnlySpan<float> corrections, BlockLayout layout, Span<byte> codes,
        ReadOnlySpan<float> scales, ReadOnlySpan<float> zeroPoints)
    {
        var size = order.Length;
        var rented = ArrayPool<float>.Shared.Rent(size);
        var left = rented.AsSpan(0, size);
        for (var index = 0; index < size; index++)
        {
            left[index] = row[order[index]];
        }

        for (var index = size - 1; index >= 0; index--)
        {
            var block = order[index] / layout.BlockSize;
            var code = Math.Clamp(
                MathF.Round(left[index] / scales[block]) + zeroPoints[block], 0, layout.Maximum);
            codes[order[index]] = (byte)code;
            var correction = corrections.Slice(index * size, index + 1);
            var error = (left[index] - ((code - zeroPoints[block]) * scales[block])) / correction[index];
            TensorPrimitives.MultiplyAdd(correction[..index], -error, left[..index], left[..index]);
        }

        ArrayPool<float>.Shared.Return(rented);
    }
}
