using System.Globalization;

namespace Slipway.Onnx;

/// <summary>One dimension of a graph input or output: a size, or a name for a size that each run decides.</summary>
public readonly record struct Dimension
{
    private Dimension(long? size, string? name) => (Size, Name) = (size, name);

    /// <summary>The size; null where each run decides it.</summary>
    public long? Size { get; }

    /// <summary>The name of a size that each run decides; equal names are equal sizes.</summary>
    public string? Name { get; }

    /// <summary>A fixed size.</summary>
    public static implicit operator Dimension(long size) => new(size, null);

    /// <summary>A named size.</summary>
    public static implicit operator Dimension(string name) => new(null, name);

    /// <inheritdoc cref="op_Implicit(long)"/>
    public static Dimension FromInt64(long size) => size;

    /// <inheritdoc cref="op_Implicit(string)"/>
    public static Dimension FromString(string name) => name;

    /// <summary>Returns the size or the name, '?' where there is neither.</summary>
    public override string ToString() => Size?.ToString(CultureInfo.InvariantCulture) ?? Name ?? "?";
}
