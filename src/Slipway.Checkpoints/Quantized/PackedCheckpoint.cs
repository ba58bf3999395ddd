using System.Buffers;
using System.Runtime.InteropServices;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Quantized;

// A checkpoint whose weights a quantization library packed: under 'NAME.weight' come the values that the codes stand
// for, and the codes themselves through Quantized.
internal sealed class PackedCheckpoint : OverlayCheckpoint
{
    private const int BatchCodes = 1 << 18;
    private readonly Dictionary<string, PackedWeight> _packed = new(StringComparer.Ordinal);
    private readonly PackedLayout _layout;
    private readonly PackedSettings _settings;

    private PackedCheckpoint(Checkpoint inner)
        : base(inner)
    {
        _settings = PackedSettings.Read(inner);
        _layout = PackedLayout.Find(inner, _settings);
        var tensors = new Dictionary<string, TensorInfo>(StringComparer.Ordinal);
        foreach (var tensor in inner.Tensors.Values)
        {
            if (tensor.Name.EndsWith(PackedWeights.CodesSuffix, StringComparison.Ordinal))
            {
                var root = tensor.Name[..^PackedWeights.CodesSuffix.Length];
                var weight = PackedWeights.Describe(inner, root, _layout, _settings);
                _packed.Add(weight.Info.Name, weight);
                Add(tensors, new TensorInfo(
                    weight.Info.Name, TensorType.F32, [weight.Info.Rows, weight.Info.Columns]));
            }
            else if (!IsPart(inner, tensor.Name))
            {
                Add(tensors, tensor);
            }
        }

        Tensors = tensors;
        Quantized = _packed.ToDictionary(pair => pair.Key, pair => pair.Value.Info, StringComparer.Ordinal);
    }

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    // The checkpoint itself where nothing is packed. Owns it from here on.
    public static Checkpoint Wrap(Checkpoint checkpoint)
    {
        try
        {
            return checkpoint.Tensors.Keys.Any(
                name => name.EndsWith(PackedWeights.CodesSuffix, StringComparison.Ordinal))
                ? new PackedCheckpoint(checkpoint)
                : checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    protected override bool IsComputed(string name) => _packed.ContainsKey(name);

    protected override void Compute(TensorInfo tensor, long start, Span<float> destination)
    {
        var weight = _packed[tensor.Name];
        var (columns, groups) = (weight.Info.Columns, weight.Info.GroupCount);
        var batch = Math.Max(BatchCodes / columns, 1);
        while (destination.Length > 0)
        {
            var (row, skipped) = Math.DivRem(start, columns);
            var rows = (int)Math.Min(batch, (skipped + destination.Length + columns - 1) / columns);
            var codes = ArrayPool<byte>.Shared.Rent(rows * columns);
            var zeros = ArrayPool<byte>.Shared.Rent(rows * groups);
            var scales = ArrayPool<float>.Shared.Rent(rows * groups);
            try
            {
                ReadQuantizedCore(
                    weight.Info, row, codes.AsSpan(0, rows * columns), scales.AsSpan(0, rows * groups),
                    zeros.AsSpan(0, rows * groups));
                var count = (int)Math.Min(((long)rows * columns) - skipped, destination.Length);
                for (var i = 0; i < count; i++)
                {
                    var (line, column) = Math.DivRem((int)skipped + i, columns);
                    var group = weight.Info.Groups?[column] ?? (column / weight.Info.GroupSize);
                    var code = codes[(int)skipped + i] - zeros[(line * groups) + group];
                    destination[i] = code * scales[(line * groups) + group];
                }

                start += count;
                destination = destination[count..];
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(codes);
                ArrayPool<byte>.Shared.Return(zeros);
                ArrayPool<float>.Shared.Return(scales);
            }
        }
    }

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<byte> zeroPoints)
    {
        var weight = _packed[tensor.Name];
        var (rows, groups, perNumber) = (codes.Length / tensor.Columns, tensor.GroupCount, 32 / tensor.Bits);
        _layout.ReadCodes(Inner, weight, firstRow, codes);
        var line = new float[rows];
        var firstNumber = firstRow / perNumber;
        var numbers = new uint[((firstRow + rows + perNumber - 1) / perNumber) - firstNumber];
        for (var group = 0; group < groups; group++)
        {
            Inner.ReadFloats(weight.Scales.Name, ((long)group * tensor.Rows) + firstRow, line);
            var start = (((long)group * (tensor.Rows / perNumber)) + firstNumber) * sizeof(uint);
            Inner.ReadBytes(weight.ZeroPoints.Name, start, MemoryMarshal.AsBytes(numbers.AsSpan()));
            for (var row = 0; row < rows; row++)
            {
                var number = numbers[((firstRow + row) / perNumber) - firstNumber];
                var stored = (int)(number >> (_layout.Place(firstRow + row, perNumber) * tensor.Bits)) &
                    ((1 << tensor.Bits) - 1);
                scales[(row * groups) + group] = line[row];
                zeroPoints[(row * groups) + group] = (byte)_layout.ZeroPoint(stored, _settings);
            }
        }
    }

    private static bool IsPart(Checkpoint inner, string name) => PackedWeights.Suffixes.Any(
        suffix => name.EndsWith(suffix, StringComparison.Ordinal) &&
            inner.Tensors.ContainsKey(name[..^suffix.Length] + PackedWeights.CodesSuffix));

    private void Add(Dictionary<string, TensorInfo> tensors, TensorInfo tensor)
    {
        if (!tensors.TryAdd(tensor.Name, tensor))
        {
            throw new CheckpointException(
                $"The checkpoint '{Path}' holds the weight '{tensor.Name}' both packed and plain. Remove the " +
                "weight files of another version from its folder.",
                Path, tensor.Name);
        }
    }
}
