using System.Buffers;
using Slipway.Checkpoints.Files;

namespace Slipway.Checkpoints.Quantized;

// A checkpoint whose weights a library quantized: under their plain names come the values that the codes stand for,
// and the codes themselves through Quantized.
internal sealed class QuantizedCheckpoint : OverlayCheckpoint
{
    private const int BatchValues = 1 << 20;

    // Weights under these names are codes for sure, whatever the method.
    private static readonly string[] CodeSuffixes = [".qweight", ".weight_packed"];

    private readonly Dictionary<string, QuantizedWeight> _weights = new(StringComparer.Ordinal);

    private QuantizedCheckpoint(Checkpoint inner, QuantizationSettings settings, QuantizationFormat format)
        : base(inner)
    {
        QuantizedParts parts = new(inner);
        foreach (var weight in format.Find(parts, settings))
        {
            RequireOnce(_weights.TryAdd(weight.Info.Name, weight), weight.Info.Name);
        }

        var activations = ActivationScales.Take(parts);
        Dictionary<string, TensorInfo> tensors = new(StringComparer.Ordinal);
        foreach (var tensor in inner.Tensors.Values.Where(tensor => !parts.IsTaken(tensor.Name)))
        {
            RequireOnce(!_weights.ContainsKey(tensor.Name), tensor.Name);
            tensors.Add(tensor.Name, tensor);
        }

        foreach (var weight in _weights.Values)
        {
            tensors.Add(weight.Info.Name, weight.Info);
        }

        Tensors = tensors;
        Quantized = _weights.Values.Where(weight => weight.Grid is not null)
            .ToDictionary(weight => weight.Info.Name, weight => weight.Grid!, StringComparer.Ordinal);
        Quantization = _weights.Count == 0 ? null : settings.Method;
        Warnings = [.. inner.Warnings, .. ActivationScales.Warn(
            inner.Path, activations, _weights.Count == 0 ? null : format.ActivationKey(settings))];
    }

    public override IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    public override IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; }

    public override string? Quantization { get; }

    public override IReadOnlyList<string> Warnings { get; }

    public override bool IsQuantized(string name) => IsComputed(name);

    // The checkpoint itself where nothing is quantized, or by a method that is not known. Owns it from here on.
    public static Checkpoint Wrap(Checkpoint checkpoint)
    {
        try
        {
            if (!checkpoint.Tensors.Values.Any(
                tensor => tensor.Type.IsCode() || ActivationScales.IsName(tensor.Name)))
            {
                return checkpoint;
            }

            var isPacked = checkpoint.Tensors.Keys.Any(
                name => CodeSuffixes.Any(suffix => name.EndsWith(suffix, StringComparison.Ordinal)));
            var settings = QuantizationSettings.Read(checkpoint)
                ?? MxFp4Format.Presume(checkpoint);
            if (settings is null)
            {
                return isPacked ? throw WithoutSettings(checkpoint) : checkpoint;
            }

            var format = QuantizationFormats.Find(settings.Method);
            return format is not null ? new QuantizedCheckpoint(checkpoint, settings, format)
                : isPacked ? throw Unknown(checkpoint, settings.Method)
                : checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    protected override bool IsComputed(string name) => _weights.ContainsKey(name);

    protected override void Compute(TensorInfo tensor, long start, Span<float> destination)
    {
        var weight = _weights[tensor.Name];
        var columns = weight.Columns;
        var batch = Math.Max(BatchValues / columns, 1);
        while (destination.Length > 0)
        {
            var (row, skipped) = Math.DivRem(start, columns);
            var rows = (int)Math.Min(batch, (skipped + destination.Length + columns - 1) / columns);
            var count = (int)Math.Min(((long)rows * columns) - skipped, destination.Length);
            if (skipped == 0 && count == rows * columns)
            {
                weight.ReadRows(row, rows, destination[..count]);
            }
            else
            {
                ReadPart(weight, row, rows, (int)skipped, destination[..count]);
            }

            start += count;
            destination = destination[count..];
        }
    }

    protected override void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        var integers = ArrayPool<byte>.Shared.Rent(zeroPoints.Length);
        try
        {
            var own = integers.AsSpan(0, zeroPoints.Length);
            ((ICodes)_weights[tensor.Name]).ReadCodes(firstRow, codes, scales, own);
            for (var i = 0; i < own.Length; i++)
            {
                zeroPoints[i] = own[i];
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(integers);
        }
    }

    private static void ReadPart(QuantizedWeight weight, long row, int rows, int skipped, Span<float> destination)
    {
        var whole = ArrayPool<float>.Shared.Rent(rows * weight.Columns);
        try
        {
            weight.ReadRows(row, rows, whole.AsSpan(0, rows * weight.Columns));
            whole.AsSpan(skipped, destination.Length).CopyTo(destination);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(whole);
        }
    }

    private void RequireOnce(bool isOnlyOne, string name)
    {
        if (!isOnlyOne)
        {
            throw new CheckpointException(
                $"The checkpoint '{Path}' holds the weight '{name}' both packed and plain. Remove the " +
                "weight files of another version from its folder.",
                Path, name);
        }
    }

    private static CheckpointException WithoutSettings(Checkpoint checkpoint) => new(
        $"The checkpoint '{checkpoint.Path}' holds packed codes, but its configuration has no 'quantization_config' " +
        "that says how to read them. Put the 'config.json' or 'quantize_config.json' that was published with these " +
        "weights beside them.", checkpoint.Path);

    private static CheckpointException Unknown(Checkpoint checkpoint, string method) => new(
        $"The weights of '{checkpoint.Path}' are quantized by the method '{method}', which cannot be read; expected " +
        $"one of {string.Join(", ", QuantizationFormats.Names.Select(name => $"'{name}'"))}. Use the checkpoint that " +
        "it was made from.", checkpoint.Path);
}
