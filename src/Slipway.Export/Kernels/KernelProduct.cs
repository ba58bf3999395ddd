using Slipway.Onnx;

namespace Slipway.Export.Kernels;

/// <summary>A product of rows and 4-bit weights, with what the operator does before and after it.</summary>
internal sealed record KernelProduct(string Name, string X, string Output, Node Weights)
{
    private const int BiasInput = 5;

    /// <summary>Weights of the norm that x goes through first.</summary>
    public string Norm { get; init; } = "";

    public float Epsilon { get; init; }

    /// <summary>What the product is added to.</summary>
    public string? Added { get; init; }

    /// <summary>The product whose silu multiplies this one.</summary>
    public KernelProduct? Gate { get; init; }

    public long Inputs => Integer(Weights, "K")!.Value;

    private string Bias => Weights.Inputs.Count > BiasInput ? Weights.Inputs[BiasInput] : "";

    /// <summary>Reads a node; null where it is something else, or something that the operator cannot do.</summary>
    public static KernelProduct? Read(Graph graph, Node node)
    {
        if (node is not { Domain: OnnxModel.ContribDomain, OpType: "MatMulNBits" }
            || (Integer(node, "bits") ?? 4) != 4 || Integer(node, "accuracy_level") != 4
            || Integer(node, "block_size") is not { } block || block % 32 != 0 || Integer(node, "K") % block != 0)
        {
            return null;
        }

        Initializer?[] constants = [.. node.Inputs.Skip(1).Select(graph.FindInitializer)];
        bool fits = constants[0] is not null && constants[1] is { Type: ElementType.Float32 }
            && Optional(3, ElementType.UInt8) && (node.Inputs.Count <= 4 || node.Inputs[4].Length == 0)
            && Optional(BiasInput, ElementType.Float32);
        return fits ? new KernelProduct(node.Name, node.Inputs[0], node.Outputs[0], node) : null;

        bool Optional(int input, ElementType type) => node.Inputs.Count <= input || node.Inputs[input].Length == 0
            || constants[input - 1]?.Type == type;
    }

    /// <summary>Whether another product of the same rows can be this one's gate.</summary>
    public bool FitsGate(KernelProduct gate) =>
        X == gate.X && Bias.Length == 0 && gate.Bias.Length == 0
        && ((string[])["N", "K", "block_size"]).All(name => Integer(Weights, name) == Integer(gate.Weights, name));

    public Node ToNode() => Gate is null
        ? new Node(
            Name, KernelGraph.Domain, "MatMulNBits", [X, .. Matrix, Norm, Bias, Added ?? ""], [Output], Attributes)
        : new Node(
            Name, KernelGraph.Domain, "GatedMatMulNBits", [X, .. Matrix, .. Gate.Matrix, Norm], [Output], Attributes);

    private IEnumerable<string> Matrix =>
        [Weights.Inputs[1], Weights.Inputs[2], Weights.Inputs.Count > 3 ? Weights.Inputs[3] : ""];

    private IReadOnlyList<NodeAttribute> Attributes =>
    [
        .. Weights.Attributes.Where(attribute => attribute.Name is "N" or "K" or "block_size"),
        new NodeAttribute.Float("epsilon", Epsilon),
    ];

    private static long? Integer(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value;
}
