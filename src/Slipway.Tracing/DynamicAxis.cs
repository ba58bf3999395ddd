using System.Collections;

namespace Slipway.Tracing;

/// <summary>An axis whose size each run decides.</summary>
/// <param name="Name">The name of the size; axes with one name have one size.</param>
/// <param name="Min">The smallest size.</param>
/// <param name="Max">The largest size; null for no limit.</param>
/// <param name="Multiple">A number that divides every size.</param>
public sealed record DynamicAxis(string Name, long Min = 1, long? Max = null, long Multiple = 1);

/// <summary>The axes of inputs whose sizes each run decides.</summary>
public sealed class DynamicAxes : IEnumerable<KeyValuePair<(string Input, int Axis), DynamicAxis>>
{
    private readonly Dictionary<(string Input, int Axis), DynamicAxis> _axes = [];

    /// <summary>Adds an axis.</summary>
    /// <param name="input">The input's name.</param>
    /// <param name="axis">The axis, from 0.</param>
    /// <param name="size">Its size.</param>
    /// <exception cref="ArgumentException">The axis has a size already.</exception>
    public void Add(string input, int axis, DynamicAxis size)
    {
        ArgumentException.ThrowIfNullOrEmpty(input);
        ArgumentOutOfRangeException.ThrowIfNegative(axis);
        ArgumentNullException.ThrowIfNull(size);
        _axes.Add((input, axis), size);
    }

    /// <summary>Adds an axis by the name of its size, with the limits that another axis of that name has.</summary>
    public void Add(string input, int axis, string size) => Add(input, axis, new DynamicAxis(size));

    /// <inheritdoc/>
    public IEnumerator<KeyValuePair<(string Input, int Axis), DynamicAxis>> GetEnumerator() => _axes.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
