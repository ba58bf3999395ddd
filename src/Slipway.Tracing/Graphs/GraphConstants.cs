using Microsoft.Win32.SafeHandles;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Tracing.Recording;
using TorchSharp;

namespace Slipway.Tracing.Graphs;

/// <summary>Holds the elements of a graph's constants until the graph is what it will be, and writes them.</summary>
/// <remarks>Constants that passes have dropped until then are never written.</remarks>
internal sealed class GraphConstants : IDisposable
{
    private const int MinExternal = 1024;
    private const int MinShared = 1 << 16;
    private const long PieceElements = 1 << 22;
    private const string Unwritten = "";

    // Larger constants are not looked for among the others.
    private const long MaxCompared = 64 << 20;
    private readonly Dictionary<string, torch.Tensor> _tensors = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GraphValue> _byContent = new(StringComparer.Ordinal);

    /// <summary>Adds a constant with a tensor's elements.</summary>
    public GraphValue Add(Graph graph, string name, torch.Tensor tensor)
    {
        var bytes = tensor.numel() * tensor.element_size();
        TensorData data;
        if (bytes < MinExternal)
        {
            data = new TensorData.Inline(Read(tensor, bytes));
        }
        else
        {
            _tensors.Add(name, TensorMemory.Hold(tensor));
            data = new TensorData.External(Unwritten, 0, bytes);
        }

        return graph.AddInitializer(new Initializer(name, ElementTypes.Of(tensor.dtype), tensor.shape, data));
    }

    /// <summary>Adds a constant; one with the same elements that was added so before is the same.</summary>
    public GraphValue AddOnce(Graph graph, string name, torch.Tensor tensor)
    {
        if (tensor.numel() * tensor.element_size() > MaxCompared)
        {
            return Add(graph, name, tensor);
        }

        var content = $"{tensor.dtype}[{string.Join(',', tensor.shape)}]{TensorMemory.Digest(tensor)}";
        if (!_byContent.TryGetValue(content, out var known))
        {
            _byContent[content] = known = Add(graph, name, tensor);
        }

        return known;
    }

    /// <summary>The elements of a constant as a tensor that the caller disposes.</summary>
    public torch.Tensor Open(Initializer constant)
    {
        if (_tensors.TryGetValue(constant.Name, out var held))
        {
            return held.alias();
        }

        var tensor = torch.empty([.. constant.Shape], ElementTypes.ToTorch(constant.Type));
        if (constant.Data.Length > 0)
        {
            ((TensorData.Inline)constant.Data).Bytes.Span.CopyTo(tensor.bytes);
        }

        return tensor;
    }

    /// <summary>Writes the elements, and returns the graph that finds them.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="path">The file beside the graph file; null to keep all in the graph file.</param>
    /// <param name="name">The name by which the graph file finds it.</param>
    /// <exception cref="IOException">The disk is full.</exception>
    public Graph Write(Graph graph, string? path, string name)
    {
        using var external = path is null ? null
            : new ExternalDataWriter(new FileStream(path, FileMode.CreateNew, FileAccess.Write), name);
        return GraphCopy.Make(graph, node => [node], changeConstant: constant =>
        {
            if (!_tensors.TryGetValue(constant.Name, out var tensor))
            {
                return constant;
            }

            if (external is null)
            {
                return constant with { Data = new TensorData.Inline(Read(tensor, constant.Data.Length)) };
            }

            external.Begin(constant.Data.Length);
            ForEachPiece(tensor, external.Write<byte>);
            return constant with { Data = external.End() };
        });
    }

    /// <summary>Writes a graph for a session that reads large constants where they are, not from the file.</summary>
    /// <remarks>
    /// A constant that is a matrix of the module transposed is that matrix and a node, which the session fuses.
    /// </remarks>
    /// <param name="written">The graph that <see cref="Write(Graph, string?, string)"/> gave.</param>
    /// <param name="data">The file that it wrote, which must hold the same bytes.</param>
    /// <param name="path">The graph file to write, beside that file.</param>
    /// <returns>The constants by their names in that graph; they are disposed with this object.</returns>
    /// <exception cref="IOException">The file does not hold what was written.</exception>
    public IReadOnlyDictionary<string, torch.Tensor> Share(OnnxModel written, string data, string path)
    {
        Dictionary<string, torch.Tensor> shared = new(StringComparer.Ordinal);
        Dictionary<string, Initializer> stored = new(StringComparer.Ordinal);
        using var file = File.OpenHandle(data);
        foreach (var constant in written.Graph.Initializers)
        {
            if (constant.Data is not TensorData.External { Length: >= MinShared } place
                || !_tensors.TryGetValue(constant.Name, out var tensor) || tensor.device_type != DeviceType.CPU)
            {
                continue;
            }

            if (tensor.is_contiguous())
            {
                Compare(tensor, file, place.Offset, data);
                shared.Add(constant.Name, tensor);
            }
            else if (tensor.ndim == 2 && tensor.stride() is [1, _] && tensor.stride(1) == tensor.shape[0])
            {
                Compare(tensor, file, place.Offset, data);
                var name = $"{constant.Name}/stored";
                _tensors.Add(name, tensor.t().DetachFromDisposeScope());
                shared.Add(name, _tensors[name]);
                stored.Add(constant.Name, constant with { Name = name, Shape = [.. constant.Shape.Reverse()] });
            }
        }

        Node[] transposes = [.. stored.Select(item => new Node(
            $"{item.Value.Name}/Transpose", OnnxModel.StandardDomain, "Transpose", [item.Value.Name], [item.Key],
            [new NodeAttribute.Ints("perm", [1, 0])]))];
        var first = written.Graph.Nodes is [var node, ..] ? node : null;
        OnnxFile.Write(written with
        {
            Graph = GraphCopy.Make(
                written.Graph, one => one == first ? [.. transposes, one] : [one],
                changeConstant: constant => stored.GetValueOrDefault(constant.Name, constant)),
        }, path);
        return shared;
    }

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }

        _tensors.Clear();
    }

    private static void Compare(torch.Tensor tensor, SafeFileHandle file, long offset, string path)
    {
        var buffer = new byte[MinShared];
        ForEachPiece(tensor, bytes =>
        {
            while (!bytes.IsEmpty)
            {
                var count = Math.Min(buffer.Length, bytes.Length);
                var read = RandomAccess.Read(file, buffer.AsSpan(0, count), offset);
                if (read != count || !buffer.AsSpan(0, count).SequenceEqual(bytes[..count]))
                {
                    throw new IOException(
                        $"'{path}' does not hold the weights that were written. Export to another disk.");
                }

                offset += count;
                bytes = bytes[count..];
            }
        });
    }

    private static byte[] Read(torch.Tensor tensor, long bytes)
    {
        using var scope = torch.NewDisposeScope();
        return bytes == 0 ? [] : TensorMemory.Elements(tensor).bytes.ToArray();
    }

    // A span holds 2 GB at most, and a transposed or distant weight is copied: piece by piece.
    private static void ForEachPiece(torch.Tensor tensor, Action<ReadOnlySpan<byte>> read)
    {
        using var scope = torch.NewDisposeScope();
        if (tensor.ndim == 0 || tensor.numel() <= PieceElements)
        {
            read(TensorMemory.Elements(tensor).bytes);
            return;
        }

        var rows = Math.Max(1, PieceElements / Math.Max(1, tensor.numel() / tensor.shape[0]));
        for (long start = 0; start < tensor.shape[0]; start += rows)
        {
            using var piece = torch.NewDisposeScope();
            read(TensorMemory.Elements(
                tensor.narrow(0, start, Math.Min(rows, tensor.shape[0] - start))).bytes);
        }
    }
}
