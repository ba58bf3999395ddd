using System.Buffers;
using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>
/// Rounds a row's weights one after the other and moves each one's error into the weights that are still to come, as
/// the inputs' products say they can make good for it.
/// </summary>
/// <remarks>
/// Inputs with the largest squares come first (act-order), and blocks stay where they are. With H = mean(x·xᵀ) +
/// damping in the reverse of that order and H = L·Lᵀ, the weights t that are left are corrected by row t of L⁻¹.
/// Source: Frantar et al., arXiv 2210.17323. Safe for concurrent use.
/// </remarks>
internal sealed class ErrorCompensation
{
    // Part of the mean square of all inputs that is added to each one's; more where that is not enough.
    private const float Damping = 0.01f;
    private const float MaxDamping = 1;

    private readonly int[] _order;
    private readonly float[] _corrections;

    private ErrorCompensation(int[] order, float[] corrections) => (_order, _corrections) = (order, corrections);

    /// <summary>Prepares it for matrices with these inputs; null where their products cannot be factored.</summary>
    /// <param name="moments">The mean of x² of each input, [columns].</param>
    /// <param name="products">The mean of x·xᵀ, [columns, columns].</param>
    public static ErrorCompensation? Create(float[] moments, float[] products)
    {
        var mean = moments.Average();
        int[] order = [.. Enumerable.Range(0, moments.Length).OrderBy(column => moments[column])];
        return mean > 0 && Corrections(products, order, mean) is { } corrections
            ? new ErrorCompensation(order, corrections) : null;
    }

    /// <summary>Chooses the codes of a row whose grids are fixed.</summary>
    /// <param name="row">The row's weights.</param>
    /// <param name="layout">How its columns are divided.</param>
    /// <param name="codes">Receives a code for each; the padding of the last block is left alone.</param>
    /// <param name="scales">Scales of blocks, none 0.</param>
    /// <param name="offsets">Zero points or minima of blocks.</param>
    /// <param name="hasMinima">Whether they are minima.</param>
    public void Round(
        ReadOnlySpan<float> row, BlockLayout layout, Span<byte> codes, ReadOnlySpan<float> scales,
        ReadOnlySpan<float> offsets, bool hasMinima)
    {
        var size = _order.Length;
        var rented = ArrayPool<float>.Shared.Rent(size);
        var left = rented.AsSpan(0, size);
        for (var index = 0; index < size; index++)
        {
            left[index] = row[_order[index]];
        }

        for (var index = size - 1; index >= 0; index--)
        {
            var block = _order[index] / layout.BlockSize;
            var scale = scales[block];
            var minimum = hasMinima ? offsets[block] : -offsets[block] * scale;
            var code = Math.Clamp(MathF.Round((left[index] - minimum) / scale), 0, layout.Maximum);
            codes[_order[index]] = (byte)code;
            var correction = _corrections.AsSpan(RowStart(index), index + 1);
            var error = (left[index] - ((code * scale) + minimum)) / correction[index];
            TensorPrimitives.MultiplyAdd(correction[..index], -error, left[..index], left[..index]);
        }

        ArrayPool<float>.Shared.Return(rented);
    }

    private static int RowStart(int row) => row * (row + 1) / 2;

    // The last of the order is rounded first. Of the inverse factor the lower triangle is kept, row after row.
    private static float[]? Corrections(float[] products, int[] order, float mean)
    {
        var size = order.Length;
        var matrix = ArrayPool<float>.Shared.Rent(products.Length);
        float[]? corrections = null;
        for (var damping = Damping; damping <= MaxDamping && corrections is null; damping *= 10)
        {
            Parallel.For(0, size, row =>
            {
                for (var column = 0; column <= row; column++)
                {
                    matrix[(row * size) + column] = products[(order[row] * size) + order[column]];
                }

                matrix[(row * size) + row] += damping * mean;
            });
            if (SymmetricSystem.TryInvertFactor(matrix, size))
            {
                corrections = new float[RowStart(size)];
                for (var row = 0; row < size; row++)
                {
                    matrix.AsSpan(row * size, row + 1).CopyTo(corrections.AsSpan(RowStart(row)));
                }
            }
        }

        ArrayPool<float>.Shared.Return(matrix);
        return corrections;
    }
}
