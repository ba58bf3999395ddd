using Slipway.Onnx;
using Slipway.Training.Autograd;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Reads the constants of a graph as tensors, each when it is first asked for.</summary>
/// <remarks>The tensors belong to this and live as long as it does. One thread at a time.</remarks>
/// <param name="graph">The graph.</param>
/// <param name="folder">The folder of the graph's file, beside which its external data lies.</param>
internal sealed class GraphConstants(Graph graph, string folder) : IDisposable
{
    private readonly Dictionary<string, Tensor> _tensors = new(StringComparer.Ordinal);

    public bool Has(string name) => graph.FindInitializer(name) is not null;

    /// <summary>Reads a constant, or returns it where it was read before.</summary>
    /// <exception cref="NotSupportedException">Its type has no tensor.</exception>
    /// <exception cref="IOException">The data file cannot be read.</exception>
    public Tensor this[string name]
    {
        get
        {
            if (!_tensors.TryGetValue(name, out var tensor))
            {
                _tensors.Add(name, tensor = Read(name).DetachFromDisposeScope());
            }

            return tensor;
        }
    }

    /// <summary>The place of a constant's elements; equal for constants that share them.</summary>
    public TensorData PlaceOf(string name) => Find(name).Data;

    public void Dispose()
    {
        foreach (var tensor in _tensors.Values)
        {
            tensor.Dispose();
        }

        _tensors.Clear();
    }

    private Initializer Find(string name) => graph.FindInitializer(name)
        ?? throw new ArgumentException($"The graph has no constant '{name}'.", nameof(name));

    /// <summary>Reads a constant without keeping it; the tensor is the caller's.</summary>
    public Tensor Read(string name)
    {
        var constant = Find(name);
        var tensor = empty([.. constant.Shape], TypeOf(constant));
        if (tensor.numel() == 0)
        {
            return tensor;
        }

        var length = tensor.numel() * tensor.element_size();
        if (length != constant.Data.Length)
        {
            throw new InvalidDataException(
                $"The constant '{constant.Name}' has {constant.Data.Length} bytes where its shape calls for {length}. "
                + "Export the package again.");
        }

        switch (constant.Data)
        {
            case TensorData.Inline inline:
                inline.Bytes.Span.CopyTo(tensor.bytes);
                break;
            case TensorData.External external:
                ReadFile(tensor, Path.Combine(folder, external.File), external.Offset, length);
                break;
        }

        return tensor;
    }

    private static unsafe void ReadFile(Tensor tensor, string path, long offset, long length)
    {
        using var file = File.OpenHandle(path);
        var target = FusedRows.Pointer(tensor);
        for (var done = 0L; done < length;)
        {
            var read = RandomAccess.Read(
                file, new Span<byte>(target + done, (int)Math.Min(length - done, 1 << 26)), offset + done);
            if (read == 0)
            {
                throw new EndOfStreamException(
                    $"The file '{path}' ends before the constants that the graph names. Copy the package again.");
            }

            done += read;
        }
    }

    private static ScalarType TypeOf(Initializer constant) => constant.Type switch
    {
        ElementType.Float32 => ScalarType.Float32,
        ElementType.Float16 => ScalarType.Float16,
        ElementType.BFloat16 => ScalarType.BFloat16,
        ElementType.UInt8 => ScalarType.Byte,
        ElementType.Int8 => ScalarType.Int8,
        ElementType.Int32 => ScalarType.Int32,
        ElementType.Int64 => ScalarType.Int64,
        ElementType.Bool => ScalarType.Bool,
        _ => throw new NotSupportedException(
            $"The constant '{constant.Name}' has the type '{constant.Type}', which cannot be computed with here."),
    };
}
