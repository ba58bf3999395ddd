using Slipway.Onnx;
using Slipway.Packaging.Kernels;

namespace Slipway.Export.Passes;

/// <summary>Writes a graph down with the operators that Slipway computes itself on processors.</summary>
/// <remarks>
/// The graph reads and gives the same, and its constants stay in their file. Products of 4-bit weights take in the norm
/// before them, the sum after them, and the gate of a feed-forward layer. What the operators cannot do is left as it
/// is.
/// </remarks>
internal static class KernelGraph
{
    /// <summary>The operator sets of such a graph.</summary>
    public static IReadOnlyDictionary<string, long> OperatorSets { get; } =
        new Dictionary<string, long>(OnnxModel.DefaultOperatorSets)
        {
            [KernelContract.Domain] = KernelContract.Version,
        };

    /// <summary>Returns such a graph; null where the operators would do nothing in it.</summary>
    public static Graph? Convert(Graph graph)
    {
        var plan = new FusionPlan(graph);
        if (plan.IsEmpty && !graph.Nodes.Any(node => ConvertAttention.Apply(graph, node) is not null))
        {
            return null;
        }

        FuseSwiGlu.Apply(plan);
        FuseResidual.Apply(plan);
        FuseRmsNorm.Apply(plan);
        return DropUnread.Apply(GraphCopy.Make(
            graph, node => plan.NodesFor(node) ?? [ConvertAttention.Apply(graph, node) ?? node]));
    }

    /// <summary>
    /// Tells whether every layer of such a graph that keeps anything of a slot leaves an inactive slot alone.
    /// </summary>
    public static bool SupportsInactiveSlots(Graph graph)
    {
        HashSet<string> kept =
        [
            .. graph.Nodes
                .Where(node => node.Domain == KernelContract.Domain
                    && AttentionContract.Operators.Contains(node.OpType))
                .SelectMany(node => node.Outputs.Skip(1)),
        ];
        return kept.Count > 0 && graph.Outputs
            .Where(output => output.Name.StartsWith("present", StringComparison.Ordinal))
            .All(output => kept.Contains(output.Name));
    }
}
