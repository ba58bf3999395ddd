using System.Collections;
using System.Numerics.Tensors;
using Slipway.Tensors;

namespace Slipway;

/// <summary>Tensors by name: what a graph is given, or what it gives.</summary>
/// <remarks>
/// Elements are <see cref="float"/>, <see cref="double"/>, <see cref="Half"/>, <see cref="long"/>, <see cref="int"/>,
/// <see cref="short"/>, <see cref="sbyte"/>, <see cref="byte"/> or <see cref="bool"/>. Not safe for concurrent
/// changes.
/// </remarks>
public sealed class NamedTensors : IEnumerable<KeyValuePair<string, IReadOnlyTensor>>
{
    private readonly Dictionary<string, IReadOnlyTensor> _tensors = new(StringComparer.Ordinal);

    /// <summary>The number of tensors.</summary>
    public int Count => _tensors.Count;

    /// <summary>The names, in the order in which the tensors were added.</summary>
    public IReadOnlyCollection<string> Names => _tensors.Keys;

    /// <summary>A tensor.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    public IReadOnlyTensor this[string name] => _tensors.TryGetValue(name, out var tensor)
        ? tensor : throw new KeyNotFoundException(
            $"There is no tensor '{name}'; there are '{string.Join("', '", _tensors.Keys)}'.");

    /// <summary>Adds a tensor.</summary>
    /// <exception cref="ArgumentException">There is one of that name, or its elements are of another type.</exception>
    public void Add<T>(string name, Tensor<T> tensor)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(tensor);
        _ = TensorElements.Find(typeof(T)) ?? throw new ArgumentException(
            $"The tensor '{name}' has elements of type '{typeof(T).Name}'; graphs take "
            + $"{string.Join(", ", TensorElements.All.Select(row => row.Element.Name))}.", nameof(tensor));
        if (!_tensors.TryAdd(name, tensor))
        {
            throw new ArgumentException($"There is a tensor '{name}' already.", nameof(name));
        }
    }

    /// <summary>Adds a tensor of elements in row-major order.</summary>
    /// <param name="name">The name.</param>
    /// <param name="elements">The elements, which the tensor reads from then on.</param>
    /// <param name="shape">The sizes, outermost first; their product is the number of elements.</param>
    /// <exception cref="ArgumentException">The sizes do not fit the elements.</exception>
    public void Add<T>(string name, T[] elements, params ReadOnlySpan<nint> shape)
    {
        ArgumentNullException.ThrowIfNull(elements);
        nint count = 1;
        foreach (var size in shape)
        {
            count = checked(count * size);
        }

        if (count != elements.Length)
        {
            throw new ArgumentException(
                $"The shape {TensorPort.Text(shape)} of '{name}' takes {count} elements, not {elements.Length}.",
                nameof(shape));
        }

        Add(name, Tensor.Create(elements, shape));
    }

    /// <summary>A tensor of known elements.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidCastException">Its elements are of another type.</exception>
    public Tensor<T> Get<T>(string name) => this[name] as Tensor<T> ?? throw new InvalidCastException(
        $"The elements of '{name}' are of type '{ElementType(this[name]).Name}', not '{typeof(T).Name}'.");

    /// <summary>The elements of a tensor in row-major order, copied.</summary>
    /// <exception cref="KeyNotFoundException">There is none of that name.</exception>
    /// <exception cref="InvalidCastException">Its elements are of another type.</exception>
    public T[] Elements<T>(string name)
    {
        var tensor = Get<T>(name);
        var elements = new T[tensor.FlattenedLength];
        tensor.FlattenTo(elements);
        return elements;
    }

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<string, IReadOnlyTensor>> GetEnumerator() => _tensors.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static Type ElementType(IReadOnlyTensor tensor) => tensor.GetType().GetGenericArguments()[0];

    internal bool TryGet(string name, out IReadOnlyTensor? tensor) => _tensors.TryGetValue(name, out tensor);

    internal void AddUnchecked(string name, IReadOnlyTensor tensor) => _tensors.Add(name, tensor);
}
