namespace Slipway.Onnx;

/// <summary>A constant tensor of a graph.</summary>
/// <param name="Name">The name, unique in the graph.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The dimensions, outermost first; empty for a scalar.</param>
/// <param name="Data">Where the elements are.</param>
public sealed record Initializer(string Name, ElementType Type, IReadOnlyList<long> Shape, TensorData Data);

/// <summary>Place of a constant tensor's elements: in the graph file, or in a file beside it.</summary>
/// <remarks>Elements are stored row-major and little-endian.</remarks>
public abstract record TensorData
{
    private TensorData()
    {
    }

    /// <summary>The number of bytes.</summary>
    public abstract long Length { get; }

    /// <summary>Elements that stand in the graph file.</summary>
    /// <param name="Bytes">The elements.</param>
    public sealed record Inline(ReadOnlyMemory<byte> Bytes) : TensorData
    {
        /// <inheritdoc/>
        public override long Length => Bytes.Length;
    }

    /// <summary>Elements that stand in a file beside the graph file.</summary>
    /// <param name="File">The file's path relative to the graph file.</param>
    /// <param name="Offset">The first byte.</param>
    /// <param name="Count">The number of bytes.</param>
    public sealed record External(string File, long Offset, long Count) : TensorData
    {
        /// <inheritdoc/>
        public override long Length => Count;
    }
}
