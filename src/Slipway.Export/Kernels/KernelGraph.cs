using Slipway.Onnx;

namespace Slipway.Export.Kernels;

/// <summary>Writes a graph down with the operators that Slipway computes itself on processors.</summary>
/// <remarks>
/// They read and give the same, and so do the graph's inputs and outputs; the constants stay in their file. What they cannot
/// do is left to ONNX Runtime's own.
/// </remarks>
internal static class KernelGraph
{
    /// <summary>The domain of the operators.</summary>
    public const string Domain = "slipway";

    /// <summary>The operator sets of such a graph.</summary>
    public static IReadOnlyDictionary<string, long> OperatorSets { get; } =
        new Dictionary<string, long>(OnnxModel.DefaultOperatorSets) { [Domain] = 1 };

    /// <summary>Returns such a graph; null where the operators would do nothing in it.</summary>
    public static Graph? Convert(Graph graph)
    {
        if (!graph.Nodes.Any(node => IsProduct(graph, node)))
        {
            return null;
        }

        Graph target = new(graph.Name);
        foreach (GraphPort port in graph.Inputs)
        {
            if (graph.FindInitializer(port.Name) is { } fallback)
            {
                target.AddOptionalInput(fallback, port.Shape);
            }
            else
            {
                target.AddInput(port.Name, port.Type, port.Shape);
            }
        }

        foreach (Initializer initializer in graph.Initializers.Where(one => target.FindInitializer(one.Name) is null))
        {
            target.AddInitializer(initializer);
        }

        foreach (Node node in graph.Nodes)
        {
            target.AddNode(IsProduct(graph, node) ? Product(node) : node);
        }

        foreach (GraphPort port in graph.Outputs)
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }

    private static bool IsProduct(Graph graph, Node node)
    {
        return node is { Domain: OnnxModel.ContribDomain, OpType: "MatMulNBits" }
            && node.Inputs.Take(3).Skip(1).All(IsConstant)
            && node.Inputs.Skip(3).All(input => input.Length == 0 || IsConstant(input))
            && node.Inputs.Skip(4).All(input => input.Length == 0)
            && ZeroPoints(node) is null or { Type: ElementType.UInt8 }
            && graph.FindInitializer(node.Inputs[2])!.Type == ElementType.Float32
            && (Integer(node, "bits") ?? 4) == 4
            && Integer(node, "accuracy_level") == 4
            && Integer(node, "block_size") is { } block && block % 32 == 0 && Integer(node, "K") % block == 0;

        bool IsConstant(string input) => graph.FindInitializer(input) is not null;

        Initializer? ZeroPoints(Node product) =>
            product.Inputs.Count > 3 ? graph.FindInitializer(product.Inputs[3]) : null;
    }

    private static Node Product(Node node) => node with
    {
        Domain = Domain,
        Inputs = [.. node.Inputs.Take(4)],
        Attributes = [.. node.Attributes.Where(attribute => attribute.Name is "N" or "K" or "block_size")],
    };

    private static long? Integer(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value;
}
