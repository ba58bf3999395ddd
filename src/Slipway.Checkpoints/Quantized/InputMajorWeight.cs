using System.Runtime.InteropServices;

namespace Slipway.Checkpoints.Quantized;

// A weight whose tensors list inputs first, as GPTQ and AWQ store it: 'NAME.qweight', 'NAME.qzeros', 'NAME.scales' and,
// where columns are grouped out of their order, 'NAME.g_idx'.
internal abstract class InputMajorWeight : GroupedWeight
{
    public const string CodesSuffix = ".qweight";

    private const int WindowNumbers = 1 << 20;

    private readonly QuantizedParts _parts;
    private readonly TensorInfo _zeros;
    private readonly TensorInfo _scales;

    protected InputMajorWeight(QuantizedParts parts, QuantizedTensorInfo grid)
        : base(new TensorInfo(grid.Name, TensorType.F32, [grid.Rows, grid.Columns]), grid)
    {
        var root = grid.Name[..^".weight".Length];
        PackedCodes packing = new(grid.Bits);
        _parts = parts;
        _zeros = parts.Take(root + ".qzeros", TensorType.I32, TensorType.U32);
        parts.RequireShape(_zeros, grid.GroupCount, packing.Numbers(grid.Rows));
        _scales = parts.Take(root + ".scales", TensorType.F16, TensorType.BF16, TensorType.F32);
        parts.RequireShape(_scales, grid.GroupCount, grid.Rows);
    }

    public static TensorInfo TakeCodes(QuantizedParts parts, string root)
    {
        var codes = parts.Take(root + CodesSuffix, TensorType.I32, TensorType.U32);
        return codes.Shape.Count == 2 ? codes : throw parts.Bad(codes, "two dimensions");
    }

    public static QuantizedTensorInfo Describe(
        QuantizedParts parts, QuantizationSettings settings, string root, int bits, int rows, int columns)
    {
        var stated = settings.Whole("group_size", "q_group_size");
        var groupSize = stated == -1 ? columns : Math.Min(stated, columns);
        return groupSize < 1
            ? throw settings.Bad("group_size", $"-1 or 1 and more, as inputs of '{root}' share a scale")
            : new QuantizedTensorInfo(
                root + ".weight", bits, groupSize, rows, columns, parts.Groups(root + ".g_idx", columns, groupSize));
    }

    public override void ReadCodes(long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        var (rows, groups) = (codes.Length / Grid.Columns, Grid.GroupCount);
        PackedCodes packing = new(Grid.Bits);
        ReadCodes(firstRow, rows, codes);
        var line = new float[rows];
        var first = packing.NumberOf(firstRow);
        var numbers = new uint[packing.Numbers(firstRow + rows) - first];
        for (var group = 0; group < groups; group++)
        {
            _parts.Checkpoint.ReadFloats(_scales.Name, (group * (long)Grid.Rows) + firstRow, line);
            _parts.RequireFinite(_scales, line);
            ReadNumbers(_zeros, (group * packing.Numbers(Grid.Rows)) + first, numbers);
            for (var row = 0; row < rows; row++)
            {
                scales[(row * groups) + group] = line[row];
                zeroPoints[(row * groups) + group] = ZeroPoint(numbers, first, firstRow + row);
            }
        }
    }

    // Numbers of every line of the codes, from one place in the line on: what has been read, the index of the first and
    // how far lines lie apart. More than is asked for is read, and kept until another weight is read, since rows lie
    // scattered in the file and whoever reads some reads the next ones too.
    protected (uint[] Numbers, int First, int Stride) ReadLines(TensorInfo codes, long first, int count)
    {
        var (lines, width) = ((int)codes.Shape[0], codes.Shape[1]);
        var window = _parts.Window;
        if (window is null || window.Tensor != codes.Name || first < window.First
            || first + count > window.First + window.Count)
        {
            var wanted = (int)Math.Min(Math.Max(count, WindowNumbers / lines), width - first);
            window = new PackedWindow(codes.Name, first, wanted, new uint[lines * wanted]);
            for (var line = 0; line < lines; line++)
            {
                ReadNumbers(codes, (line * width) + first, window.Numbers.AsSpan(line * wanted, wanted));
            }

            _parts.Window = window;
        }

        return (window.Numbers, (int)(first - window.First), window.Count);
    }

    // The zero point of a row, of numbers that begin with the one of this index.
    protected abstract byte ZeroPoint(ReadOnlySpan<uint> numbers, long firstNumber, long row);

    // Reads the codes of rows, [rows, columns].
    protected abstract void ReadCodes(long firstRow, int rows, Span<byte> destination);

    private void ReadNumbers(TensorInfo tensor, long first, Span<uint> numbers) =>
        _parts.Checkpoint.ReadBytes(tensor.Name, first * sizeof(uint), MemoryMarshal.AsBytes(numbers));
}

// Numbers [lines, count] of a tensor, from a place in each line on.
internal sealed record PackedWindow(string Tensor, long First, int Count, uint[] Numbers);
