namespace Slipway.Checkpoints.Quantized;

// GPTQ: codes [inputs * bits / 32, outputs], the first input's lowest; zero points [groups, outputs * bits / 32];
// scales [groups, outputs]; the group of each input where inputs were taken out of their order ('desc_act'). In the
// first version zero points are stored less one. Source: arXiv 2210.17323, and the layout of AutoGPTQ and GPTQModel.
internal sealed class GptqFormat : QuantizationFormat
{
    private static readonly int[] Bits = [2, 3, 4, 8];
    private static readonly string[] Versions = ["", "gptq", "gptq_v2"];

    public override IEnumerable<QuantizedWeight> Find(QuantizedParts parts, QuantizationSettings settings)
    {
        var version = settings.Text("checkpoint_format") ?? settings.Text("format") ?? settings.Text("version") ?? "";
        return Versions.Contains(version)
            ? Find(parts, settings, zeroPointsLessOne: version != "gptq_v2")
            : throw settings.Unsupported($"in the version '{version}'");
    }

    public static IEnumerable<QuantizedWeight> Find(
        QuantizedParts parts, QuantizationSettings settings, bool zeroPointsLessOne)
    {
        foreach (var root in parts.Roots(InputMajorWeight.CodesSuffix).ToArray())
        {
            var own = settings.For(root);
            var bits = own.Whole("bits");
            if (!Bits.Contains(bits))
            {
                throw own.Unsupported($"with {bits} bits");
            }

            yield return Describe(parts, own, root, bits, zeroPointsLessOne);
        }
    }

    private static GptqWeight Describe(
        QuantizedParts parts, QuantizationSettings settings, string root, int bits, bool zeroPointsLessOne)
    {
        var codes = InputMajorWeight.TakeCodes(parts, root);
        var (rows, columns) = parts.Sizes(codes, codes.Shape[1], codes.Shape[0] * 32 / bits);
        if (new PackedCodes(bits).Numbers(columns) != codes.Shape[0])
        {
            throw parts.Bad(codes, $"a whole number of inputs in {bits} bits");
        }

        return new GptqWeight(
            parts, InputMajorWeight.Describe(parts, settings, root, bits, rows, columns), codes, zeroPointsLessOne);
    }
}

internal sealed class GptqWeight(
    QuantizedParts parts, QuantizedTensorInfo grid, TensorInfo codes, bool zeroPointsLessOne)
    : InputMajorWeight(parts, grid)
{
    private readonly PackedCodes _packing = new(grid.Bits);

    protected override byte ZeroPoint(ReadOnlySpan<uint> numbers, long firstNumber, long row)
    {
        var stored = _packing.Read(numbers, firstNumber, row);
        return (byte)(zeroPointsLessOne ? (stored + 1) & ((1 << Grid.Bits) - 1) : stored);
    }

    protected override void ReadCodes(long firstRow, int rows, Span<byte> destination)
    {
        var (numbers, first, stride) = ReadLines(codes, firstRow, rows);
        for (var row = 0; row < rows; row++)
        {
            _packing.Read(numbers.AsSpan(first + row), stride, destination.Slice(row * Grid.Columns, Grid.Columns));
        }
    }
}
