using System.Numerics;
using System.Runtime.InteropServices;

namespace Slipway.Export.Quantization;

/// <summary>A method that chooses the grid of each block by itself.</summary>
public abstract class BlockMethod : QuantizationMethod
{
    private const int MaxBlock = 256;

    /// <inheritdoc/>
    public sealed override RowQuantizer Prepare(BlockLayout layout, InputStatistics? statistics)
    {
        var importance = Importance(layout, statistics);
        return (row, codes, scales, offsets) =>
            QuantizeRow(row, importance, layout, codes, scales, offsets);
    }

    /// <summary>Chooses the grid of one whole block.</summary>
    /// <param name="weights">The block's weights; padding is 0.</param>
    /// <param name="importance">What a squared error of each weight counts for; positive.</param>
    /// <param name="maximum">The largest code.</param>
    protected abstract BlockGrid QuantizeBlock(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> importance, int maximum);

    /// <summary>Finds the interval that a block's grid must cover: its smallest and largest weight, or 0.</summary>
    /// <remarks>The interval always holds 0, which every grid can express.</remarks>
    /// <param name="weights">The block's weights.</param>
    private protected static (float Low, float High) RangeOf(ReadOnlySpan<float> weights)
    {
        Vector<float> low = Vector<float>.Zero, high = Vector<float>.Zero;
        foreach (var values in MemoryMarshal.Cast<float, Vector<float>>(weights))
        {
            low = Vector.Min(low, values);
            high = Vector.Max(high, values);
        }

        float min = 0, max = 0;
        for (var i = 0; i < Vector<float>.Count; i++)
        {
            min = Math.Min(min, low[i]);
            max = Math.Max(max, high[i]);
        }

        return (min, max);
    }

    // Padded to whole blocks. Inputs that were never seen still count for a little, so that every grid is defined.
    internal static float[] Importance(BlockLayout layout, InputStatistics? statistics)
    {
        const float Least = 1e-4f;
        var importance = new float[layout.Blocks * layout.BlockSize];
        Array.Fill(importance, 1);
        if (statistics is not null && statistics.Mean is > 0 and var mean)
        {
            for (var column = 0; column < layout.Columns; column++)
            {
                importance[column] = Math.Max(statistics.Moments[column] / mean, Least);
            }
        }

        return importance;
    }

    private void QuantizeRow(
        ReadOnlySpan<float> row, ReadOnlySpan<float> importance, BlockLayout layout, Span<byte> codes,
        Span<float> scales, Span<float> offsets)
    {
        var blockSize = layout.BlockSize;
        Span<float> padded = stackalloc float[MaxBlock];
        var block = padded[..blockSize];
        for (int index = 0, start = 0; start < row.Length; index++, start += blockSize)
        {
            scoped ReadOnlySpan<float> weights = row[start..Math.Min(start + blockSize, row.Length)];
            if (weights.Length < blockSize)
            {
                block.Clear();
                weights.CopyTo(block);
                weights = block;
            }

            var grid = QuantizeBlock(weights, importance.Slice(start, blockSize), layout.Maximum);
            grid.Encode(weights, codes.Slice(start, blockSize), layout.Maximum);
            scales[index] = grid.Scale;
            offsets[index] = grid.ZeroPoint;
        }
    }
}

/// <summary>The values that a block's codes can stand for: (code − <see cref="ZeroPoint"/>)·<see cref="Scale"/>,
/// where a code is found by dividing by <see cref="Step"/>.</summary>
/// <param name="Step">The step that weights are divided by and rounded.</param>
/// <param name="ZeroPoint">The code of the value 0.</param>
/// <param name="Scale">The step that codes are multiplied by when they are read.</param>
/// <remarks>The two steps differ where the scale was fitted to the codes after they had been found.</remarks>
public readonly record struct BlockGrid(float Step, byte ZeroPoint, float Scale)
{
    /// <summary>The grid of a block that holds only zeros.</summary>
    /// <param name="maximum">The largest code.</param>
    public static BlockGrid Zero(int maximum) => new(1, (byte)((maximum + 1) / 2), 1);

    /// <summary>Writes the code of each weight, clamped to 0 … <paramref name="maximum"/>.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="codes">Receives as many codes.</param>
    /// <param name="maximum">The largest code, 15 or 255.</param>
    public void Encode(ReadOnlySpan<float> weights, Span<byte> codes, int maximum)
    {
        var inverse = 1 / Step;
        for (var i = 0; i < weights.Length; i++)
        {
            var code = MathF.Round(weights[i] * inverse) + ZeroPoint;
            codes[i] = (byte)Math.Clamp(code, 0, maximum);
        }
    }
}
