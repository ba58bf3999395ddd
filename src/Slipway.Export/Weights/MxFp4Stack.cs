using System.Buffers;
using Slipway.Checkpoints;

namespace Slipway.Export.Weights;

/// <summary>Matrices one below the other in MXFP4: 32 numbers of four bits share a power of two.</summary>
/// <remarks>
/// The tensors are <c>{name}_blocks</c> [count, rows, columns/32, 16], of two codes in a byte the lower half first, and
/// <c>{name}_scales</c> [count, rows, columns/32], exponents plus 127.
/// Source: OCP Microscaling Formats (MX) Specification 1.0.
/// </remarks>
internal sealed class MxFp4Stack(Checkpoint checkpoint, string codesName, string scalesName, int rows, int columns)
    : Weight(rows, columns)
{
    public const int Block = 32;

    private const int NotANumber = 255;

    // One bit sign, two bits exponent, one bit mantissa.
    private static readonly float[] Values = [0, .5f, 1, 1.5f, 2, 3, 4, 6, -0f, -.5f, -1, -1.5f, -2, -3, -4, -6];

    public override void ReadRows(int first, int count, Span<float> destination)
    {
        int codeBytes = Columns / 2 * count, scaleBytes = Columns / Block * count;
        byte[] codes = ArrayPool<byte>.Shared.Rent(codeBytes), scales = ArrayPool<byte>.Shared.Rent(scaleBytes);
        try
        {
            checkpoint.ReadBytes(codesName, (long)first * (Columns / 2), codes.AsSpan(0, codeBytes));
            checkpoint.ReadBytes(scalesName, (long)first * (Columns / Block), scales.AsSpan(0, scaleBytes));
            for (var block = 0; block < scaleBytes; block++)
            {
                var scale = Scale(scales[block]);
                var values = destination.Slice(block * Block, Block);
                for (var index = 0; index < Block; index++)
                {
                    var pair = codes[(block * Block / 2) + (index / 2)];
                    values[index] = Values[(pair >> (4 * (index & 1))) & 15] * scale;
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(codes);
            ArrayPool<byte>.Shared.Return(scales);
        }
    }

    private float Scale(byte stored) => stored == NotANumber
        ? throw new CheckpointException(
            $"Tensor '{scalesName}' of '{checkpoint.Path}' holds the scale '255', which is not a number. The weights "
            + "are damaged: compare the file's hash with the one that its author "
            + "publishes.", checkpoint.Path, scalesName)
        : MathF.ScaleB(1, stored - 127);
}
