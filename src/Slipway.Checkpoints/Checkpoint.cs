using System.Buffers;
using System.Collections.ObjectModel;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;

namespace Slipway.Checkpoints;

/// <summary>Reads a model's named tensors and its configuration, whatever format they are stored in.</summary>
/// <remarks>
/// All members are safe for concurrent use, but for <see cref="Dispose()"/>. Tensors are read by range, into the
/// caller's memory, so that what is held never exceeds what is asked for. The files must not change while they are
/// open.
/// </remarks>
public abstract class Checkpoint : IDisposable
{
    private const int ChunkBytes = 1 << 18;

    private readonly Lazy<TensorNames> _names;

    /// <summary>Initializes the part that all checkpoints share.</summary>
    protected Checkpoint(string path, string format)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentException.ThrowIfNullOrEmpty(format);
        _names = new Lazy<TensorNames>(() => new TensorNames(Tensors));
        Path = path;
        Format = format;
    }

    /// <summary>Gets the file or folder that was opened.</summary>
    public string Path { get; }

    /// <summary>Gets the format's name, as <see cref="CheckpointFormats"/> lists it.</summary>
    public string Format { get; }

    /// <summary>Gets the configuration with the keys of a Hugging Face <c>config.json</c>.</summary>
    /// <remarks>
    /// Shared by all callers: read it, and clone it before changing anything. Throws
    /// <see cref="CheckpointException"/> where a lone weight file has no <c>config.json</c> beside it.
    /// </remarks>
    public abstract JsonObject Config { get; }

    /// <summary>Gets the tensors by name; names and shapes are Hugging Face's.</summary>
    public abstract IReadOnlyDictionary<string, TensorInfo> Tensors { get; }

    /// <summary>Gets the weights that are stored as codes with scales, by name; they are tensors too.</summary>
    /// <remarks>
    /// Those whose elements lie on a grid of a scale and a zero point; empty where there are none. Other codes, such as
    /// 8-bit floats, are tensors of values only.
    /// </remarks>
    public virtual IReadOnlyDictionary<string, QuantizedTensorInfo> Quantized { get; } =
        ReadOnlyDictionary<string, QuantizedTensorInfo>.Empty;

    /// <summary>Gets the method that weights are quantized by, such as <c>compressed-tensors</c>.</summary>
    /// <value>
    /// The <c>quant_method</c> of the configuration where codes were found that it explains; null otherwise.
    /// </value>
    public virtual string? Quantization => null;

    /// <summary>Tells whether a tensor's elements are computed from codes, be they in <see cref="Quantized"/> or
    /// not.</summary>
    /// <param name="name">The tensor's name.</param>
    public virtual bool IsQuantized(string name) => false;

    /// <summary>Gets what was presumed where the checkpoint does not say, a sentence each, with its remedy.</summary>
    /// <remarks>
    /// Such as a tokenizer's way of splitting text that a GGUF file does not name, or a quantization of activations
    /// that is not imitated.
    /// </remarks>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public virtual IReadOnlyList<string> Warnings => [];

    /// <summary>Opens a checkpoint: a folder, or one file of it.</summary>
    /// <param name="path">
    /// A Hugging Face folder, or a weight or index file of any format in <see cref="CheckpointFormats.All"/>.
    /// </param>
    /// <exception cref="FileNotFoundException">Nothing lies at the path.</exception>
    /// <exception cref="CheckpointException">What lies there is damaged, or of no known format.</exception>
    public static Checkpoint Open(string path) => CheckpointFormats.Open(path);

    /// <summary>Finds a tensor by the name that its architecture gives it, whatever prefix it is stored with.</summary>
    /// <remarks>
    /// A tensor of this very name comes first. Otherwise names are compared without the prefixes under which libraries
    /// hold a model's body: <c>model.layers.0.mlp.up_proj.weight</c> finds <c>layers.0.mlp.up_proj.weight</c> and
    /// <c>language_model.model.layers.0.mlp.up_proj.weight</c>.
    /// </remarks>
    /// <param name="name">The architecture's name for it.</param>
    /// <returns>The tensor; null where there is none, or where several differ in their prefixes alone.</returns>
    public TensorInfo? FindTensor(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return _names.Value.Find(name);
    }

    /// <summary>Reads a range of a tensor as float32.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="start">The first element, counted row-major over the whole tensor.</param>
    /// <param name="destination">Takes as many consecutive elements as it has room for.</param>
    /// <exception cref="ArgumentException">There is no such tensor, or the range leaves it.</exception>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public void ReadFloats(string name, long start, Span<float> destination)
    {
        var tensor = Find(name);
        CheckRange(tensor, start, destination.Length, tensor.Count, "elements");
        if (destination.Length > 0)
        {
            ReadFloatsCore(tensor, start, destination);
        }
    }

    /// <summary>Reads a range of a tensor's bytes as they are stored, little-endian.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="start">The first byte, counted over the whole tensor.</param>
    /// <param name="destination">Takes as many consecutive bytes as it has room for.</param>
    /// <exception cref="ArgumentException">There is no such tensor, or the range leaves it.</exception>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public void ReadBytes(string name, long start, Span<byte> destination)
    {
        var tensor = Find(name);
        CheckRange(tensor, start, destination.Length, tensor.ByteLength, "bytes");
        if (destination.Length > 0)
        {
            ReadBytesCore(tensor, start, destination);
        }
    }

    /// <summary>Reads whole rows of a weight of <see cref="Quantized"/> as they are stored.</summary>
    /// <param name="name">The weight's name.</param>
    /// <param name="firstRow">The first row; as many follow as <paramref name="codes"/> has room for.</param>
    /// <param name="codes">Takes the codes, one a byte, [rows, columns].</param>
    /// <param name="scales">Takes the scales, [rows, groups].</param>
    /// <param name="zeroPoints">Takes the zero points, [rows, groups].</param>
    /// <exception cref="ArgumentException">
    /// There is no such weight, the rows leave it, or the lengths do not belong to one number of rows.
    /// </exception>
    /// <exception cref="CheckpointException">The file cannot be read.</exception>
    public void ReadQuantized(
        string name, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!Quantized.TryGetValue(name, out var tensor))
        {
            throw new ArgumentException(
                $"The checkpoint '{Path}' holds no weight '{name}' as codes. Ask for one that Quantized lists.",
                nameof(name));
        }

        var (rows, rest) = Math.DivRem(codes.Length, tensor.Columns);
        if (rest != 0 || scales.Length != rows * tensor.GroupCount || zeroPoints.Length != scales.Length)
        {
            throw new ArgumentException(
                $"{codes.Length} codes, {scales.Length} scales and {zeroPoints.Length} zero points are no whole rows " +
                $"of '{name}'; a row has {tensor.Columns} codes and {tensor.GroupCount} of each of the others.",
                nameof(codes));
        }

        CheckRange(Find(name), firstRow, rows, tensor.Rows, "rows");
        if (rows > 0)
        {
            ReadQuantizedCore(tensor, firstRow, codes, scales, zeroPoints);
        }
    }

    /// <summary>Gets the folder that the tokenizer's files lie in, which is an adapter's where it brings one.</summary>
    public virtual string TokenizerFolder => Directory.Exists(Path)
        ? Path : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(Path))!;

    /// <summary>Reads a file that belongs to the checkpoint, such as <c>tokenizer.json</c>.</summary>
    /// <param name="name">The file's name, relative to the checkpoint's folder.</param>
    /// <returns>The file's bytes, or null where there is no such file.</returns>
    public abstract byte[]? ReadFile(string name);

    /// <summary>Closes the files.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the files.</summary>
    protected virtual void Dispose(bool disposing)
    {
    }

    /// <summary>Reads a checked, non-empty range of stored bytes.</summary>
    protected abstract void ReadBytesCore(TensorInfo tensor, long start, Span<byte> destination);

    /// <summary>Reads checked, whole rows of codes; must be overridden where <see cref="Quantized"/> is.</summary>
    protected virtual void ReadQuantizedCore(
        QuantizedTensorInfo tensor, long firstRow, Span<byte> codes, Span<float> scales, Span<float> zeroPoints) =>
        throw new NotSupportedException($"A checkpoint of the format '{Format}' holds no codes.");

    /// <summary>Reads a checked, non-empty range of elements; by default decoded from the stored bytes.</summary>
    protected virtual void ReadFloatsCore(TensorInfo tensor, long start, Span<float> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        if (tensor.Type == TensorType.F32)
        {
            ReadBytesCore(tensor, start * sizeof(float), MemoryMarshal.AsBytes(destination));
            return;
        }

        var buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            DecodeRange(tensor, start, destination, buffer.AsSpan(0, ChunkBytes));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private void DecodeRange(TensorInfo tensor, long start, Span<float> destination, Span<byte> buffer)
    {
        var blockSize = tensor.Type.BlockSize();
        var blockBytes = tensor.Type.BlockBytes();
        Span<float> edge = stackalloc float[blockSize];
        while (destination.Length > 0)
        {
            var (block, skipped) = Math.DivRem(start, blockSize);
            var whole = skipped == 0 ? Math.Min(destination.Length / blockSize, buffer.Length / blockBytes) : 0;
            var bytes = buffer[..(Math.Max(whole, 1) * blockBytes)];
            ReadBytesCore(tensor, block * blockBytes, bytes);
            var written = whole * blockSize;
            if (whole > 0)
            {
                tensor.Type.Decode(bytes, destination[..written]);
            }
            else
            {
                // The range begins or ends inside this block.
                tensor.Type.Decode(bytes, edge);
                written = (int)Math.Min(blockSize - skipped, destination.Length);
                edge.Slice((int)skipped, written).CopyTo(destination);
            }

            start += written;
            destination = destination[written..];
        }
    }

    private TensorInfo Find(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        return Tensors.TryGetValue(name, out var tensor)
            ? tensor
            : throw new ArgumentException(
                $"The checkpoint '{Path}' holds no tensor '{name}'. Ask for one that Tensors lists.", nameof(name));
    }

    private void CheckRange(TensorInfo tensor, long start, int count, long length, string unit)
    {
        if (start < 0 || start > length - count)
        {
            throw new ArgumentOutOfRangeException(
                nameof(start), start,
                $"Tensor '{tensor.Name}' of '{Path}' has {length} {unit}; {count} from {start} on leave it.");
        }
    }
}

/// <summary>Describes a tensor of a checkpoint: its name, how it is stored and its shape.</summary>
/// <remarks>The shape lists the outermost dimension first; an empty shape is a scalar.</remarks>
/// <param name="Name">The name, as Hugging Face's own checkpoints spell it.</param>
/// <param name="Type">How the elements are stored.</param>
/// <param name="Shape">The dimensions, outermost first.</param>
public sealed record TensorInfo(string Name, TensorType Type, IReadOnlyList<long> Shape)
{
    /// <summary>Gets the number of elements.</summary>
    public long Count { get; } = CountOf(Shape);

    /// <summary>Gets the number of bytes that the elements take as stored.</summary>
    public long ByteLength => checked(Count / Type.BlockSize() * Type.BlockBytes());

    /// <summary>Returns the name, type and shape on one line.</summary>
    public override string ToString() => $"{Name} {Type} {FormatShape(Shape)}";

    /// <summary>Formats a shape as messages print it, such as <c>[320, 64]</c>.</summary>
    public static string FormatShape(IEnumerable<long> shape) =>
        $"[{string.Join(", ", shape.Select(size => size.ToString(CultureInfo.InvariantCulture)))}]";

    private static long CountOf(IReadOnlyList<long> shape)
    {
        ArgumentNullException.ThrowIfNull(shape);
        return TryCount(shape, out var count)
            ? count
            : throw new ArgumentException($"The shape {FormatShape(shape)} is no tensor's shape.", nameof(shape));
    }

    // False where a dimension is negative or the product leaves 64 bits.
    internal static bool TryCount(IReadOnlyList<long> shape, out long count)
    {
        count = 1;
        var overflow = false;
        foreach (var size in shape)
        {
            if (size < 0)
            {
                return false;
            }

            overflow |= size != 0 && count > long.MaxValue / size;
            count = overflow ? long.MaxValue : count * size;
        }

        // A zero anywhere makes the tensor empty, however large the other dimensions are.
        count = shape.Contains(0) ? 0 : count;
        return count == 0 || !overflow;
    }
}
