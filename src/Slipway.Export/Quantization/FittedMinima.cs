using System.Buffers;
using System.Numerics.Tensors;

namespace Slipway.Export.Quantization;

/// <summary>
/// Searches a scale and a minimum of each block for the smallest weighted error, then solves those of a whole row
/// together.
/// </summary>
/// <remarks>
/// A code q stands for q·s + m, so weights need not have a code for 0: what lies on such a grid already, as the values
/// of 4-bit GGUF types do, comes out as it was. With the codes fixed, a row's output is linear in scales and minima;
/// the least squares are those of <see cref="FittedScales"/> with a second unknown for each block, whose part of the
/// output is the sum of the block's inputs.
/// </remarks>
public sealed class FittedMinima : FittedMethod
{
    private const float Hold = 0.02f;

    /// <inheritdoc/>
    public override string Name => "minima";

    /// <inheritdoc/>
    public override string Description =>
        "as fitted, with minima in the place of zero points: half a bit a weight more, and nearer";

    /// <inheritdoc/>
    public override bool HasMinima => true;

    internal override RowQuantizer PrepareSearch(BlockLayout layout, InputStatistics? statistics)
    {
        var importance = BlockMethod.Importance(layout, statistics);
        return (row, codes, scales, minima) =>
        {
            for (int block = 0, start = 0; block < layout.Blocks; block++, start += layout.BlockSize)
            {
                var length = Math.Min(layout.BlockSize, layout.Columns - start);
                var weights = row.Slice(start, length);
                var (scale, minimum) = MinimumSearch.Search(
                    weights, importance.AsSpan(start, length), layout.Maximum, codes.Slice(start, layout.BlockSize));
                (scales[block], minima[block]) = (scale, minimum);
            }
        };
    }

    internal override RowFit? PrepareFit(BlockLayout layout, InputStatistics? statistics) =>
        statistics?.Products is { } products ? new RowSystem(layout, products).Fit : null;

    // The equations of a matrix's rows: what they share is computed once.
    private sealed class RowSystem
    {
        private readonly BlockLayout _layout;
        private readonly float[] _products;

        // Sums of the products' rows of each block, [blocks, columns], and of their columns too, [blocks, blocks].
        private readonly float[] _sums;
        private readonly float[] _blockSums;

        public RowSystem(BlockLayout layout, float[] products)
        {
            (_layout, _products) = (layout, products);
            var (columns, blocks) = (layout.Columns, layout.Blocks);
            _sums = new float[blocks * columns];
            _blockSums = new float[blocks * blocks];
            for (var column = 0; column < columns; column++)
            {
                var sum = _sums.AsSpan(column / layout.BlockSize * columns, columns);
                TensorPrimitives.Add(sum, products.AsSpan(column * columns, columns), sum);
            }

            for (var block = 0; block < blocks; block++)
            {
                AddBlocks(_sums.AsSpan(block * columns, columns), _blockSums.AsSpan(block * blocks, blocks));
            }
        }

        public void Fit(ReadOnlySpan<float> row, ReadOnlySpan<byte> codes, Span<float> scales, Span<float> minima)
        {
            int columns = _layout.Columns, blocks = _layout.Blocks, size = _layout.BlockSize, unknowns = 2 * blocks;
            var rented = ArrayPool<float>.Shared.Rent((2 * columns) + (unknowns * unknowns) + unknowns);
            Span<float> steps = rented.AsSpan(0, columns), sums = rented.AsSpan(columns, columns);
            var matrix = rented.AsSpan(2 * columns, unknowns * unknowns);
            var solution = rented.AsSpan((2 * columns) + (unknowns * unknowns), unknowns);
            TensorPrimitives.ConvertChecked<byte, float>(codes[..columns], steps);
            for (var block = 0; block < blocks; block++)
            {
                // The scales' unknowns come first, then the minima's; the lower triangle is filled.
                int start = block * size, end = Math.Min(start + size, columns);
                sums.Clear();
                for (var column = start; column < end; column++)
                {
                    if (steps[column] != 0)
                    {
                        TensorPrimitives.MultiplyAdd(
                            _products.AsSpan(column * columns, columns), steps[column], sums, sums);
                    }
                }

                for (var other = 0; other < blocks; other++)
                {
                    var length = Math.Min(size, columns - (other * size));
                    var part = sums.Slice(other * size, length);
                    if (other <= block)
                    {
                        matrix[(block * unknowns) + other] =
                            TensorPrimitives.Dot(part, steps.Slice(other * size, length));
                    }

                    matrix[((blocks + other) * unknowns) + block] = TensorPrimitives.Sum<float>(part);
                }

                _blockSums.AsSpan(block * blocks, block + 1)
                    .CopyTo(matrix.Slice(((blocks + block) * unknowns) + blocks));
                solution[block] = TensorPrimitives.Dot(sums, row);
                solution[blocks + block] = TensorPrimitives.Dot(_sums.AsSpan(block * columns, columns), row);
            }

            HoldTo(scales, matrix, solution, 0, unknowns);
            HoldTo(minima, matrix, solution, blocks, unknowns);
            if (SymmetricSystem.TrySolve(matrix, solution))
            {
                solution[..blocks].CopyTo(scales);
                solution[blocks..].CopyTo(minima);
            }

            ArrayPool<float>.Shared.Return(rented);
        }

        private static void HoldTo(
            ReadOnlySpan<float> values, Span<float> matrix, Span<float> solution, int first, int unknowns)
        {
            for (var index = 0; index < values.Length; index++)
            {
                ref var own = ref matrix[((first + index) * unknowns) + first + index];
                var held = own > 0 ? own * Hold : 1;
                own += held;
                solution[first + index] += held * values[index];
            }
        }

        private void AddBlocks(ReadOnlySpan<float> values, Span<float> sums)
        {
            for (var block = 0; block < sums.Length; block++)
            {
                var start = block * _layout.BlockSize;
                sums[block] = TensorPrimitives.Sum(values[start..Math.Min(start + _layout.BlockSize, values.Length)]);
            }
        }
    }
}
