namespace Slipway.Checkpoints.Quantized;

// AWQ's 'gemm': codes [inputs, outputs / 8], zero points [groups, outputs / 8], the even ones of eight outputs in a
// number's lower half. Source: arXiv 2306.00978, and the layout of AutoAWQ.
internal sealed class AwqFormat : QuantizationFormat
{
    private const int Bits = 4;

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        var version = settings.Text("version") ?? settings.Text("checkpoint_format") ?? settings.Text("format")
            ?? "gemm";
        var bits = settings.Whole("bits", "w_bit");
        return !version.Equals("gemm", StringComparison.OrdinalIgnoreCase)
            ? throw settings.Unsupported($"in the version '{version}'")
            : bits != Bits ? throw settings.Unsupported($"with {bits} bits")
            : FindAll(parts, settings);
    }

    public static IEnumerable<QuantizedWeight> FindAll(QuantizedParts parts, QuantizationSettings settings)
    {
        foreach (var root in parts.Roots(InputMajorWeight.CodesSuffix).ToArray())
        {
            var codes = InputMajorWeight.TakeCodes(parts, root);
            var (rows, columns) = parts.Sizes(codes, codes.Shape[1] * AwqWeight.PerNumber, codes.Shape[0]);
            yield return new AwqWeight(
                parts, InputMajorWeight.Describe(parts, settings.For(root), root, Bits, rows, columns), codes);
        }
    }
}

internal sealed class AwqWeight(QuantizedParts parts, QuantizedTensorInfo grid, TensorInfo codes)
    : InputMajorWeight(parts, grid)
{
    public const int PerNumber = 8;

    protected override byte ZeroPoint(ReadOnlySpan<uint> numbers, long firstNumber, long row) =>
        Read(numbers[(int)((row / PerNumber) - firstNumber)], row);

    protected override void ReadCodes(long firstRow, int rows, Span<byte> destination)
    {
        var first = firstRow / PerNumber;
        var count = (int)(((firstRow + rows + PerNumber - 1) / PerNumber) - first);
        var (numbers, start, stride) = ReadLines(codes, first, count);
        for (var index = 0; index < count; index++)
        {
            // The rows of this number that are asked for.
            var (low, high) = (Math.Max((first + index) * PerNumber, firstRow),
                Math.Min((first + index + 1) * PerNumber, firstRow + rows));
            for (int column = 0, at = start + index; column < Grid.Columns; column++, at += stride)
            {
                var number = numbers[at];
                for (var row = low; row < high; row++)
                {
                    destination[(int)((row - firstRow) * Grid.Columns) + column] = Read(number, row);
                }
            }
        }
    }

    private static byte Read(uint number, long row)
    {
        var place = (int)((row % 2 * 4) + (row % PerNumber / 2));
        return (byte)((number >> (place * 4)) & 15);
    }
}
