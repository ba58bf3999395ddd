using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Checkpoints;

namespace Slipway.Cli.Modules;

/// <summary>Carries tensors of one type of elements from safetensors to graphs and back.</summary>
internal abstract class GraphElement
{
    // One row a type that both safetensors and graphs have.
    private static readonly GraphElement[] All =
    [
        new Of<float>(TensorType.F32, value => value), new Of<double>(TensorType.F64, value => value),
        new Of<Half>(TensorType.F16, value => (double)value), new Of<long>(TensorType.I64, value => value),
        new Of<int>(TensorType.I32, value => value), new Of<short>(TensorType.I16, value => value),
        new Of<sbyte>(TensorType.I8, value => value), new Of<byte>(TensorType.U8, value => value),
        new Of<bool>(TensorType.BOOL, value => value ? 1 : 0),
    ];

    private readonly TensorType _stored;

    private GraphElement(TensorType stored) => _stored = stored;

    /// <summary>Finds the row of a stored tensor.</summary>
    /// <exception cref="UsageException">Graphs take no such elements.</exception>
    public static GraphElement Find(TensorInfo tensor) => Array.Find(All, row => row._stored == tensor.Type)
        ?? throw new UsageException(
            $"'{tensor.Name}' has the type '{tensor.Type}', which graphs do not take. Store it as F32 or I64.");

    /// <summary>Finds the row of a graph's tensor.</summary>
    public static GraphElement Find(IReadOnlyTensor tensor) => Array.Find(All, row => row.Holds(tensor))!;

    /// <summary>Adds a stored tensor to a graph's inputs.</summary>
    public abstract void Add(NamedTensors inputs, string name, byte[] bytes, ReadOnlySpan<nint> shape);

    /// <summary>The elements as they are stored.</summary>
    public abstract byte[] Bytes(IReadOnlyTensor tensor);

    /// <summary>The elements as numbers, to compare them.</summary>
    public abstract double[] Numbers(IReadOnlyTensor tensor);

    /// <summary>A tensor as it is stored.</summary>
    public SafetensorsEntry Entry(string name, IReadOnlyTensor tensor)
    {
        var bytes = Bytes(tensor);
        return new SafetensorsEntry(
            new TensorInfo(name, _stored, [.. tensor.Lengths.ToArray().Select(size => (long)size)]),
            (start, destination) => bytes.AsSpan((int)start, destination.Length).CopyTo(destination));
    }

    protected abstract bool Holds(IReadOnlyTensor tensor);

    private sealed class Of<T>(TensorType stored, Converter<T, double> toNumber) : GraphElement(stored)
        where T : unmanaged
    {
        public override void Add(NamedTensors inputs, string name, byte[] bytes, ReadOnlySpan<nint> shape)
            => inputs.Add(name, MemoryMarshal.Cast<byte, T>(bytes).ToArray(), shape);

        public override byte[] Bytes(IReadOnlyTensor tensor) => MemoryMarshal.AsBytes<T>(Elements(tensor)).ToArray();

        public override double[] Numbers(IReadOnlyTensor tensor) => Array.ConvertAll(Elements(tensor), toNumber);

        protected override bool Holds(IReadOnlyTensor tensor) => tensor is Tensor<T>;

        private static T[] Elements(IReadOnlyTensor tensor)
        {
            var elements = new T[tensor.FlattenedLength];
            ((Tensor<T>)tensor).FlattenTo(elements);
            return elements;
        }
    }
}
