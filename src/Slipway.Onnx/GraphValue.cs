namespace Slipway.Onnx;

/// <summary>A tensor in a graph, known by its name.</summary>
/// <param name="Name">The name, unique in the graph.</param>
/// <remarks>The default value stands for an optional input that is left out.</remarks>
public readonly record struct GraphValue(string Name)
{
    /// <summary>Returns the name; empty for an input left out.</summary>
    public override string ToString() => Name ?? "";
}

/// <summary>Describes an input or output of a graph.</summary>
/// <param name="Name">The name that callers bind tensors to.</param>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The dimensions, outermost first.</param>
public sealed record GraphPort(string Name, ElementType Type, IReadOnlyList<Dimension> Shape);
