namespace Slipway.Onnx;

/// <summary>One operation of a graph.</summary>
/// <param name="Name">The name, unique in the graph: a path such as <c>/model/layers.0/mlp/Mul</c>.</param>
/// <param name="Domain">The operator's domain; empty for ONNX's own.</param>
/// <param name="OpType">The operator.</param>
/// <param name="Inputs">What it reads, in the schema's order; an empty name leaves an optional input out.</param>
/// <param name="Outputs">What it writes; an empty name leaves an optional output out.</param>
/// <param name="Attributes">Its constant parameters.</param>
public sealed record Node(
    string Name,
    string Domain,
    string OpType,
    IReadOnlyList<string> Inputs,
    IReadOnlyList<string> Outputs,
    IReadOnlyList<NodeAttribute> Attributes);
