using System.Globalization;
using Microsoft.ML.OnnxRuntime;
using Slipway.Tensors;

namespace Slipway;

/// <summary>Describes an input or output of a graph.</summary>
/// <param name="Name">The name.</param>
/// <param name="ElementType">The type of the elements.</param>
/// <param name="Shape">The sizes, outermost first; null for one that each run decides.</param>
/// <param name="SizeNames">The names of the sizes; equal names are equal sizes, null for one without a name.</param>
public sealed record TensorPort(
    string Name, Type ElementType, IReadOnlyList<long?> Shape, IReadOnlyList<string?> SizeNames)
{
    /// <summary>Returns the name, the type and the sizes.</summary>
    public override string ToString()
        => $"{Name} {ElementType.Name}[{string.Join(", ", Shape.Select((size, axis)
            => size?.ToString(CultureInfo.InvariantCulture) ?? SizeNames[axis] ?? "?"))}]";

    internal static TensorPort Of(string name, NodeMetadata metadata)
    {
        var type = metadata.OnnxValueType == OnnxValueType.ONNX_TYPE_TENSOR
            ? TensorElements.All.FirstOrDefault(row => row.Onnx == metadata.ElementDataType)?.Element : null;
        return type is null
            ? throw new NotSupportedException(
                $"'{name}' of the graph is no tensor of numbers or truth values ({metadata.OnnxValueType}), which is "
                + "not served here. Export the module with tensors alone.")
            : new TensorPort(
                name, type, [.. metadata.Dimensions.Select(size => size < 0 ? (long?)null : size)],
                [.. metadata.SymbolicDimensions.Select(size => size.Length == 0 ? null : size)]);
    }

    internal static string Text(ReadOnlySpan<nint> shape)
        => $"[{string.Join(", ", shape.ToArray().Select(size => size.ToString(CultureInfo.InvariantCulture)))}]";
}
