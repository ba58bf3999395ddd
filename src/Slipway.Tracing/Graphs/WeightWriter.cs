using System.Runtime.InteropServices;
using Slipway.Onnx;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Graphs;

/// <summary>Writes the elements of constants: large ones to the file beside the graph, where there is one.</summary>
internal sealed class WeightWriter : IDisposable
{
    private const int MinExternal = 1024;
    private const long PieceElements = 1 << 22;
    private readonly ExternalDataWriter? _external;

    /// <summary>Begins.</summary>
    /// <param name="path">The file beside the graph file; null to keep all in the graph file.</param>
    /// <param name="name">The name by which the graph file finds it.</param>
    public WeightWriter(string? path, string name)
        => _external = path is null ? null
            : new ExternalDataWriter(new FileStream(path, FileMode.CreateNew, FileAccess.Write), name);

    /// <summary>Adds a constant with a tensor's elements.</summary>
    public GraphValue Add(Graph graph, string name, torch.Tensor tensor)
    {
        var type = ElementTypes.Of(tensor.dtype);
        var bytes = tensor.numel() * tensor.element_size();
        TensorData data;
        using var scope = torch.NewDisposeScope();
        if (_external is null || bytes < MinExternal)
        {
            data = new TensorData.Inline(
                bytes == 0 ? [] : MemoryMarshal.AsBytes(TensorMemory.Elements(tensor).bytes).ToArray());
        }
        else
        {
            _external.Begin(bytes);
            Write(tensor, _external);
            data = _external.End();
        }

        return graph.AddInitializer(new Initializer(name, type, tensor.shape, data));
    }

    public void Dispose() => _external?.Dispose();

    // A transposed or distant weight is copied piece by piece.
    private static void Write(torch.Tensor tensor, ExternalDataWriter writer)
    {
        if (tensor.ndim == 0 || tensor.numel() <= PieceElements
            || (tensor.is_contiguous() && tensor.device_type == DeviceType.CPU))
        {
            using var all = TensorMemory.Elements(tensor);
            writer.Write<byte>(all.bytes);
            return;
        }

        var rows = Math.Max(1, PieceElements / Math.Max(1, tensor.numel() / tensor.shape[0]));
        for (long start = 0; start < tensor.shape[0]; start += rows)
        {
            using var scope = torch.NewDisposeScope();
            writer.Write<byte>(TensorMemory.Elements(
                tensor.narrow(0, start, Math.Min(rows, tensor.shape[0] - start))).bytes);
        }
    }
}
