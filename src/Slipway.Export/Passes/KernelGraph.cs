using System.Runtime.InteropServices;
using Slipway.Export.Quantization;
using Slipway.Onnx;
using Slipway.Packaging.Kernels;

namespace Slipway.Export.Passes;

/// <summary>Writes a graph down with the operators that Slipway computes itself on processors.</summary>
/// <remarks>
/// The graph reads and gives the same, and its constants stay in their file. Products of weights of 4 and 8 bits take
/// in the norm before them, the sum after them, and the gate of a feed-forward layer. What the operators cannot do is
/// left as it is.
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
    /// <param name="graph">The graph.</param>
    /// <param name="cache">How the operators keep what the graph keeps in float32, or in int8.</param>
    /// <param name="ranges">What keys and values were seen to be; needed for int4 only.</param>
    public static Graph? Convert(Graph graph, KeyValuePrecision cache, ChannelRanges? ranges = null)
    {
        graph = FoldMinima.Apply(graph);
        var plan = new FusionPlan(graph);
        Dictionary<string, Initializer> means = new(StringComparer.Ordinal);
        if (plan.IsEmpty && !graph.Nodes.Any(node => Attention(node) is not null))
        {
            return null;
        }

        FuseSwiGlu.Apply(plan);
        FuseResidual.Apply(plan);
        FuseRmsNorm.Apply(plan);
        var ports = graph.Nodes.Select(Attention).OfType<Node>().SelectMany(Ports)
            .DistinctBy(port => port.Name).ToDictionary(port => port.Name);
        return DropUnread.Apply(GraphCopy.Make(
            graph, node => plan.NodesFor(node) ?? [Attention(node) ?? node],
            port => ports.GetValueOrDefault(port.Name, port), means.Values));

        Node? Attention(Node node) => ConvertAttention.Apply(graph, node, cache, Means);

        IEnumerable<GraphPort> Ports(Node node)
            => graph.Inputs.Concat(graph.Outputs).Where(port => Caches(node).Contains(port.Name)).Select(port =>
                node.OpType switch
                {
                    AttentionContract.AttentionInt4Operator => Packed(port),
                    AttentionContract.AttentionFloat16Operator => port with { Type = ElementType.Float16 },
                    _ => port,
                });

        string Means(string present)
        {
            if (!means.TryGetValue(present, out var constant))
            {
                var shape = graph.Outputs.Single(port => port.Name == present).Shape;
                means.Add(present, constant = new Initializer(
                    $"{present}_mean", ElementType.Float32, [shape[1].Size!.Value, 1, shape[3].Size!.Value],
                    new TensorData.Inline(MemoryMarshal.AsBytes<float>(ranges!.MeansOf(present)).ToArray())));
            }

            return constant.Name;
        }
    }

    /// <summary>Tells whether a layer of such a graph keeps keys and values in half precision.</summary>
    public static bool HoldsHalves(Graph graph)
        => graph.Nodes.Any(node => node.OpType == AttentionContract.AttentionFloat16Operator);

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

    private static string[] Caches(Node node) =>
    [
        node.Inputs[AttentionContract.PastKey], node.Inputs[AttentionContract.PastValue],
        node.Outputs[AttentionContract.PresentKey], node.Outputs[AttentionContract.PresentValue],
    ];

    private static GraphPort Packed(GraphPort port) => port with
    {
        Type = ElementType.UInt8,
        Shape = [.. port.Shape.SkipLast(1), AttentionContract.Int4Bytes(port.Shape[^1].Size!.Value)],
    };
}
