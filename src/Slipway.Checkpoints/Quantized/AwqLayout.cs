using System.Buffers;
using System.Runtime.InteropServices;

namespace Slipway.Checkpoints.Quantized;

// AWQ's 'gemm': codes [inputs, outputs / 8], zero points [groups, outputs / 8], the even ones of eight outputs in a
// number's lower half. Source: arXiv 2306.00978, and the layout of AutoAWQ.
internal sealed class AwqLayout : PackedLayout
{
    protected override IReadOnlyList<int> Bits { get; } = [4];

    protected override IReadOnlyList<string> Versions { get; } = ["", "gemm", "GEMM"];

    public override (long Rows, long Columns) Sizes(IReadOnlyList<long> codes, int perNumber) =>
        (codes[1] * perNumber, codes[0]);

    public override int Place(long row, int perNumber) => (int)((row % 2 * 4) + (row % 8 / 2));

    public override void ReadCodes(Checkpoint checkpoint, PackedWeight weight, long firstRow, Span<byte> codes)
    {
        const int PerNumber = 8;
        var columns = weight.Info.Columns;
        var rows = codes.Length / columns;
        var first = firstRow / PerNumber;
        var count = (int)(((firstRow + rows + PerNumber - 1) / PerNumber) - first);
        var buffer = ArrayPool<uint>.Shared.Rent(count);
        try
        {
            var numbers = buffer.AsSpan(0, count);
            for (var column = 0; column < columns; column++)
            {
                var start = ((column * (weight.Info.Rows / PerNumber)) + first) * sizeof(uint);
                checkpoint.ReadBytes(weight.Codes.Name, start, MemoryMarshal.AsBytes(numbers));
                for (var row = 0; row < rows; row++)
                {
                    var number = numbers[(int)(((firstRow + row) / PerNumber) - first)];
                    codes[(row * columns) + column] = (byte)((number >> (Place(firstRow + row, PerNumber) * 4)) & 15);
                }
            }
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(buffer);
        }
    }
}
