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
}
