using System.Numerics;
using System.Runtime.InteropServices;

namespace Slipway.Export.Quantization;

/// <summary>A way to turn a row of weights into small integers: one scale and one zero point for each block.</summary>
/// <remarks>
/// A code q of a block with scale s and zero point z stands for (q − z)·s. Instances hold no state and are safe for
/// concurrent use. A new method is a subclass and a row in <see cref="QuantizationMethods"/>.
/// </remarks>
public abstract class QuantizationMethod
{
    /// <summary>The name that <c>--method</c> and <c>slipway.json</c> use.</summary>
    public abstract string Name { get; }

    /// <summary>One line for people choosing a method.</summary>
    public abstract string Description { get; }

    /// <summary>Quantizes one row of a weight [rows, columns].</summary>
    /// <param name="row">The row's finite weights, <c>columns</c> of them.</param>
    /// <param name="bits">4 or 8.</param>
    /// <param name="blockSize">Weights that share a scale; a power of two from 16 to 256.</param>
    /// <param name="codes">Receives one code a byte, blocks × <paramref name="blockSize"/>; the padding of a short
    /// last block gets the zero point.</param>
    /// <param name="scales">Receives one scale a block.</param>
    /// <param name="zeroPoints">Receives one zero point a block, one a byte.</param>
    public void QuantizeRow(
        ReadOnlySpan<float> row, int bits, int blockSize, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        Span<float> padded = stackalloc float[256];
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

            var grid = QuantizeBlock(weights, (1 << bits) - 1);
            grid.Encode(weights, codes.Slice(start, blockSize), (1 << bits) - 1);
            scales[index] = grid.Scale;
            zeroPoints[index] = grid.ZeroPoint;
        }
    }

    /// <summary>Chooses the grid of one whole block.</summary>
    /// <param name="weights">The block's weights; padding is 0.</param>
    /// <param name="maximum">The largest code, 15 or 255.</param>
    protected abstract BlockGrid QuantizeBlock(ReadOnlySpan<float> weights, int maximum);

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

/// <summary>The table of quantization methods.</summary>
public static class QuantizationMethods
{
    /// <summary>Every method, the default first.</summary>
    public static IReadOnlyList<QuantizationMethod> All { get; } = [new SearchedScales(), new RoundToNearest()];

    /// <summary>The method that is used where none is named.</summary>
    public static QuantizationMethod Default => All[0];

    /// <summary>Finds a method by its name.</summary>
    /// <param name="name">Its <see cref="QuantizationMethod.Name"/>, in any case.</param>
    /// <exception cref="ArgumentException">No method has that name; the message lists those that there are.</exception>
    public static QuantizationMethod Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return All.FirstOrDefault(method => method.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            ?? throw new ArgumentException(
                $"There is no quantization method '{name}'. Choose one of " +
                $"{string.Join(", ", All.Select(method => $"'{method.Name}'"))}.", nameof(name));
    }
}
