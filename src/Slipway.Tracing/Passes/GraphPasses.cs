using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Tracing.Graphs;

namespace Slipway.Tracing.Passes;

/// <summary>Makes a traced graph as small as one that is written by hand.</summary>
/// <remarks>Each pass replaces nodes by ones that compute the same; what nothing reads any more is dropped.</remarks>
internal static class GraphPasses
{
    // Fused forms first appear where other passes have brought their parts together.
    private const int MaxRounds = 8;

    // One row a pass: what stands in a node's place, or null for the node itself.
    private static readonly Func<GraphPatterns, Node, Replacement?>[] All =
    [
        MergeViews.Apply, FuseLayerNorm.Apply, FuseRmsNorm.Apply, FuseScale.Apply, FuseGelu.Apply,
        FuseAttention.Apply, FuseTransposedWeight.Apply,
    ];

    /// <summary>Applies all passes until none finds anything.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="constants">The elements of its constants.</param>
    /// <param name="infos">What is known of its values, by name.</param>
    /// <param name="opset">The version of ONNX's operators.</param>
    /// <param name="usesContribOperators">Whether ONNX Runtime's own operators may be used.</param>
    public static Graph Apply(
        Graph graph, GraphConstants constants, IReadOnlyDictionary<string, ValueInfo> infos, int opset,
        bool usesContribOperators)
    {
        graph = FoldConstants.Apply(MergeEqualNodes.Apply(graph), constants);
        for (var round = 0; round < MaxRounds; round++)
        {
            var count = graph.Nodes.Count;
            foreach (var pass in All)
            {
                graph = Apply(
                    pass, new GraphPatterns(graph, constants, infos, opset, usesContribOperators));
            }

            graph = MergeEqualNodes.Apply(graph);
            if (graph.Nodes.Count == count)
            {
                break;
            }
        }

        return graph;
    }

    private static Graph Apply(Func<GraphPatterns, Node, Replacement?> pass, GraphPatterns patterns)
    {
        Dictionary<string, Initializer> constants = new(StringComparer.Ordinal);
        var isChanged = false;
        var graph = patterns.Graph;
        List<Node> Change(Node node)
        {
            if (pass(patterns, node) is not { } replacement)
            {
                return [node];
            }

            isChanged = true;
            foreach (var constant in replacement.Constants)
            {
                if (graph.FindInitializer(constant.Name) is null)
                {
                    constants.TryAdd(constant.Name, constant);
                }
            }

            return [.. replacement.Nodes];
        }

        var nodes = graph.Nodes.ToDictionary(node => node.Name, Change, StringComparer.Ordinal);
        return isChanged
            ? GraphCopy.Prune(GraphCopy.Make(graph, node => nodes[node.Name], null, constants.Values), _ => true)
            : graph;
    }
}

/// <summary>Nodes in the place of one, the last of which gives the same outputs, and constants that they add.</summary>
internal sealed record Replacement(IReadOnlyList<Node> Nodes, params IReadOnlyList<Initializer> Constants);
