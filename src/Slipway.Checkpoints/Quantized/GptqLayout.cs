using System.Buffers;
using System.Runtime.InteropServices;

namespace Slipway.Checkpoints.Quantized;

// GPTQ: codes [inputs / 8, outputs], eight inputs a number, the first lowest; zero points [groups, outputs / 8]. In the
// first version zero points are stored less one. Source: arXiv 2210.17323, and the layout of AutoGPTQ and GPTQModel.
internal sealed class GptqLayout : PackedLayout
{
    protected override IReadOnlyList<int> Bits { get; } = [2, 4, 8];

    protected override IReadOnlyList<string> Versions { get; } = ["", "gptq", "gptq_v2"];

    public override (long Rows, long Columns) Sizes(IReadOnlyList<long> codes, int perNumber) =>
        (codes[1], codes[0] * perNumber);

    public override int ZeroPoint(int stored, PackedSettings settings) =>
        settings.Version == "gptq_v2" ? stored : (stored + 1) & ((1 << settings.Bits) - 1);

    public override void ReadCodes(Checkpoint checkpoint, PackedWeight weight, long firstRow, Span<byte> codes)
    {
        var (bits, columns) = (weight.Info.Bits, weight.Info.Columns);
        var (rows, perNumber, mask) = (codes.Length / columns, 32 / bits, (1 << bits) - 1);
        var buffer = ArrayPool<uint>.Shared.Rent(rows);
        try
        {
            var numbers = buffer.AsSpan(0, rows);
            for (var line = 0; line < columns / perNumber; line++)
            {
                var start = (((long)line * weight.Info.Rows) + firstRow) * sizeof(uint);
                checkpoint.ReadBytes(weight.Codes.Name, start, MemoryMarshal.AsBytes(numbers));
                for (var row = 0; row < rows; row++)
                {
                    var target = codes.Slice((row * columns) + (line * perNumber), perNumber);
                    for (var i = 0; i < perNumber; i++)
                    {
                        target[i] = (byte)((numbers[row] >> (i * bits)) & mask);
                    }
                }
            }
        }
        finally
        {
            ArrayPool<uint>.Shared.Return(buffer);
        }
    }
}
