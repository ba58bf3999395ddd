using Slipway.Checkpoints;
using Slipway.Export.Quantization;
using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Writes constants into the package's data file and names them in its graph.</summary>
internal sealed class WeightWriter(
    Graph graph, ExternalDataWriter data, Checkpoint checkpoint, IProgress<ExportProgress>? progress,
    CancellationToken cancellationToken)
{
    private readonly long _total = checkpoint.Tensors.Values.Sum(tensor => tensor.Count);
    private long _done;

    public Graph Graph => graph;

    public ExternalDataWriter Data => data;

    /// <summary>Ends the constant whose elements were written.</summary>
    public GraphValue Add(string name, ElementType type, IReadOnlyList<long> shape) =>
        graph.AddInitializer(new Initializer(name, type, shape, data.End()));

    /// <summary>Writes a constant whose elements come in parts.</summary>
    public GraphValue AddParts<T>(string name, ElementType type, IReadOnlyList<long> shape, IReadOnlyList<T[]> parts)
        where T : unmanaged
    {
        data.Begin(0);
        foreach (var part in parts)
        {
            data.Write<T>(part);
        }

        return Add(name, type, shape);
    }

    /// <summary>Reports weights that were written, and stops a cancelled export.</summary>
    public void Advance(string name, long count)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _done += count;
        progress?.Report(new ExportProgress(name, Math.Min(_done, _total), _total));
    }

    /// <summary>Quantizes rows of a weight.</summary>
    public QuantizedMatrix Quantize(
        string name, ReadOnlyMemory<float> rows, int count, int columns, int bits, int blockSize,
        QuantizationMethod method)
    {
        try
        {
            return WeightQuantizer.Quantize(rows, count, columns, bits, blockSize, method, cancellationToken);
        }
        catch (ArgumentException exception)
        {
            throw Bad(name, $"cannot be quantized: {exception.Message.TrimEnd('.')}", exception);
        }
    }

    /// <summary>The exception for a tensor that is of no use.</summary>
    public CheckpointException Bad(string name, string what, Exception? inner = null) =>
        new($"Tensor '{name}' of '{checkpoint.Path}' {what}.", checkpoint.Path, name, inner);
}
