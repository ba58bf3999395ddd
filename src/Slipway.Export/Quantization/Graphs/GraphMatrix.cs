using Slipway.Export.Passes;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>A float matrix of a graph, or a stack of them, and the nodes that use it.</summary>
/// <param name="Constant">Its elements.</param>
/// <param name="Count">How many matrices stand one below the other.</param>
/// <param name="Rows">Rows of all together: outputs.</param>
/// <param name="Columns">Columns: inputs.</param>
/// <param name="IsTransposed">Whether it is stored as [columns, rows].</param>
internal sealed record GraphMatrix(Initializer Constant, int Count, int Rows, int Columns, bool IsTransposed)
{
    public string Name => Constant.Name;

    /// <summary>Nodes that multiply by it.</summary>
    public List<Node> Products { get; } = [];

    /// <summary>Nodes that look rows up.</summary>
    public List<Node> Lookups { get; } = [];

    /// <summary>The mixture of experts whose matrix it is; null for a single matrix.</summary>
    public Node? Mixture { get; set; }

    /// <summary>Tells whether it makes the logits.</summary>
    public bool IsHead { get; set; }

    /// <summary>The values that it multiplies.</summary>
    public IEnumerable<string> Inputs => Products.Select(node => node.Inputs[0]);

    public Weight Open(GraphTensors tensors) => IsTransposed
        ? new TransposedWeight(new ConstantWeight(tensors, Constant, Columns, Rows))
        : new ConstantWeight(tensors, Constant, Rows, Columns);
}

/// <summary>Finds the float matrices of a graph that can be quantized.</summary>
internal static class GraphMatrices
{
    private const string MixtureOperator = "MoE";
    private const int FirstExperts = 2, SecondExperts = 4;
    private const int MaxRouterDepth = 12;

    /// <summary>Lists them in the order in which the graph uses them first.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="exact">Names of those that stay as they are; null where they are to be told by their use.</param>
    public static IReadOnlyList<GraphMatrix> Find(Graph graph, IReadOnlySet<string>? exact)
    {
        Dictionary<string, string> casts = new(StringComparer.Ordinal), transposed = new(StringComparer.Ordinal);
        Dictionary<string, GraphMatrix> found = new(StringComparer.Ordinal);
        List<GraphMatrix> order = [];
        GraphUses uses = new(graph);
        HashSet<string> inputs = [.. graph.Inputs.Select(port => port.Name)];
        foreach (var node in graph.Nodes)
        {
            if (node is { OpType: "Cast" } && graph.FindInitializer(node.Inputs[0]) is not null)
            {
                casts[node.Outputs[0]] = node.Inputs[0];
            }

            // A tied head is the embedding, transposed by a node.
            if (node is { OpType: "Transpose", Domain: OnnxModel.StandardDomain }
                && graph.FindInitializer(node.Inputs[0]) is { Shape.Count: 2 })
            {
                transposed[node.Outputs[0]] = node.Inputs[0];
            }

            Read(node);
        }

        MarkHead();
        order.RemoveAll(matrix => matrix is { Products.Count: 0, Lookups.Count: 0, Mixture: null });
        return exact is null ? [.. order.Where(matrix => !IsRouter(graph, matrix))] : order;

        void Read(Node node)
        {
            switch (node)
            {
                case { Domain: OnnxModel.ContribDomain, OpType: "FusedMatMul" } when IsLinear(node):
                    Constant(node.Inputs[1], 2, isTransposed: false)?.Products.Add(node);
                    break;
                case { Domain: OnnxModel.StandardDomain, OpType: "MatMul" }:
                    (transposed.TryGetValue(node.Inputs[1], out var stored)
                        ? Constant(stored, 2, isTransposed: false)
                        : Constant(node.Inputs[1], 2, isTransposed: true))?.Products.Add(node);
                    break;
                case { Domain: OnnxModel.StandardDomain, OpType: "Gemm" } when IsPlainGemm(node):
                    if (Constant(node.Inputs[1], 2, isTransposed: Flag(node, "transB") == 0) is { } factor
                        && (node.Inputs.Count < 3 || node.Inputs[2].Length == 0
                            || graph.FindInitializer(node.Inputs[2])?.Shape is [var count] && count == factor.Rows))
                    {
                        factor.Products.Add(node);
                    }

                    break;
                case { Domain: OnnxModel.StandardDomain, OpType: "Gather" } when Flag(node, "axis") == 0:
                    Constant(node.Inputs[0], 2, isTransposed: false)?.Lookups.Add(node);
                    break;
                case { Domain: OnnxModel.ContribDomain, OpType: MixtureOperator }:
                    foreach (var input in (int[])[FirstExperts, SecondExperts])
                    {
                        if (Constant(node.Inputs[input], 3, isTransposed: false) is { } stack)
                        {
                            stack.Mixture = node;
                        }
                    }

                    break;
            }
        }

        GraphMatrix? Constant(string value, int dimensions, bool isTransposed)
        {
            var name = casts.GetValueOrDefault(value, value);
            if (graph.FindInitializer(name) is not { Type: ElementType.Float32 or ElementType.Float16 } constant
                || constant.Shape.Count != dimensions || inputs.Contains(name) || exact?.Contains(name) == true)
            {
                return null;
            }

            if (!found.TryGetValue(name, out var matrix))
            {
                var shape = constant.Shape;
                var (rows, columns) = ((int)shape[isTransposed ? ^1 : ^2], (int)shape[isTransposed ? ^2 : ^1]);
                var count = dimensions == 3 ? (int)shape[0] : 1;
                matrix = new GraphMatrix(constant, count, checked(count * rows), columns, isTransposed);
                found.Add(name, matrix);
                order.Add(matrix);
            }

            return matrix.IsTransposed == isTransposed ? matrix : null;
        }

        void MarkHead()
        {
            foreach (var port in graph.Outputs.Where(port => port.Name == "logits"))
            {
                // Behind the product may come a bias, a scale, a bend.
                var value = port.Name;
                while (uses.Maker(value) is { } node)
                {
                    if (order.Find(matrix => matrix.Products.Contains(node)) is { } head)
                    {
                        head.IsHead = true;
                        break;
                    }

                    value = node.Inputs[0];
                }
            }
        }
    }

    private static bool IsPlainGemm(Node node) => Flag(node, "transA") == 0
        && node.Attributes.OfType<NodeAttribute.Float>().All(attribute => attribute.Value == 1);

    /// <summary>Tells whether a node is x · weightᵀ and nothing beside.</summary>
    internal static bool IsLinear(Node node) =>
        Flag(node, "transB") == 1 && Flag(node, "transA") == 0 && Flag(node, "transBatchA") == 0
        && Flag(node, "transBatchB") == 0
        && !node.Attributes.OfType<NodeAttribute.Float>().Any(attribute => attribute.Name == "alpha"
            && attribute.Value != 1);

    private static long Flag(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value ?? 0;

    // What chooses experts is small, and all depends on it: it is followed from its product to the mixture's scores.
    private static bool IsRouter(Graph graph, GraphMatrix matrix)
    {
        if (matrix.Lookups.Count > 0 || matrix.Mixture is not null)
        {
            return false;
        }

        HashSet<string> reached = [.. matrix.Products.Select(node => node.Outputs[0])];
        for (var depth = 0; depth < MaxRouterDepth; depth++)
        {
            var before = reached.Count;
            foreach (var node in graph.Nodes.Where(node => node.Inputs.Any(reached.Contains)))
            {
                if (node.OpType is MixtureOperator or "QMoE")
                {
                    if (reached.Contains(node.Inputs[1]))
                    {
                        return true;
                    }
                }
                else if (node.OpType is not ("FusedMatMul" or "MatMul" or "MatMulNBits" or "GroupQueryAttention"
                    or "Gather" or "Shape"))
                {
                    reached.UnionWith(node.Outputs);
                }
            }

            if (reached.Count == before)
            {
                break;
            }
        }

        return false;
    }
}
