namespace Slipway.Export.Quantization;

/// <summary>
/// A weight [rows, columns] as codes, in the layout of the operators MatMulNBits and GatherBlockQuantized.
/// </summary>
/// <param name="Rows">Rows: the outputs of a linear layer, or the tokens of an embedding.</param>
/// <param name="Columns">Columns: the inputs of a linear layer.</param>
/// <param name="Bits">4 or 8.</param>
/// <param name="BlockSize">Consecutive columns that share a scale and a zero point.</param>
/// <param name="Codes">[rows, blocks, <paramref name="BlockSize"/> × <paramref name="Bits"/> / 8]; of two 4-bit codes
/// in a byte the lower half comes first.</param>
/// <param name="Scales">[rows, blocks].</param>
/// <param name="ZeroPoints">[rows, blocks × <paramref name="Bits"/> / 8, rounded up], packed like the codes.</param>
public sealed record QuantizedMatrix(
    int Rows, int Columns, int Bits, int BlockSize, byte[] Codes, float[] Scales, byte[] ZeroPoints)
{
    /// <summary>Blocks in a row.</summary>
    public int Blocks => (Columns + BlockSize - 1) / BlockSize;

    /// <summary>Bytes of codes in a row.</summary>
    public int CodeBytes => Blocks * BlockSize * Bits / 8;

    /// <summary>Bytes of zero points in a row.</summary>
    public int ZeroPointBytes => ((Blocks * Bits) + 7) / 8;

    /// <summary>Computes the weights that a row's codes stand for.</summary>
    /// <param name="row">The row.</param>
    /// <param name="destination">Receives <see cref="Columns"/> weights.</param>
    public void Dequantize(int row, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(row);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
        ReadOnlySpan<byte> codes = Codes.AsSpan(row * CodeBytes, CodeBytes);
        ReadOnlySpan<byte> zeroPoints = ZeroPoints.AsSpan(row * ZeroPointBytes, ZeroPointBytes);
        for (var column = 0; column < Columns; column++)
        {
            var block = column / BlockSize;
            destination[column] = (Unpack(codes, column) - Unpack(zeroPoints, block)) * Scales[(row * Blocks) + block];
        }
    }

    private int Unpack(ReadOnlySpan<byte> packed, int index) =>
        Bits == 8 ? packed[index] : (packed[index / 2] >> (4 * (index & 1))) & 15;
}
