using Slipway.Onnx;
using Slipway.Packaging.Kernels;

namespace Slipway.Export.Passes;

/// <summary>Puts Slipway's operator in the place of attention over a cache that the graph takes and gives.</summary>
internal static class ConvertAttention
{
    private static readonly string[] Known =
        [
            .. AttentionContract.Attributes, AttentionContract.SlidingAttribute, "rotary_interleaved",
            "k_quant_type", "v_quant_type", "kv_cache_bit_width",
        ];

    /// <summary>The node in the operator that takes its place; null where that cannot do what the node does.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="node">The node.</param>
    /// <param name="cache">How the operator keeps what the graph keeps in float32, or in int8.</param>
    /// <param name="means">The constant with the means of a layer's keys, by the present that it writes.</param>
    public static Node? Apply(Graph graph, Node node, KeyValuePrecision cache, Func<string, string> means)
    {
        if (node is not { Domain: OnnxModel.ContribDomain, OpType: "GroupQueryAttention", Outputs.Count: 3 }
            || graph.Inputs.FirstOrDefault(port => port.Name == node.Inputs[3]) is not { } past
            || !graph.Outputs.Any(port => port.Name == node.Outputs[1])
            || past.Type is not (ElementType.Float32 or ElementType.Int8)
            || past.Shape[^1].Size is not { } size || !AttentionContract.SupportsHeadDim(size)
            || !AttentionContract.Supports(
                Integer(AttentionContract.HeadsAttribute), Integer(AttentionContract.KeyValueHeadsAttribute))
            || Input(9).Length > 0 || Input(10).Length > 0
            || node.Attributes.Any(attribute => !Known.Contains(attribute.Name))
            || AttentionContract.Attributes.Any(name => node.Attributes.All(attribute => attribute.Name != name))
            || IsOne("rotary_interleaved")
            || node.Attributes.OfType<NodeAttribute.Text>().Any(attribute => attribute.Value != "PER_CHANNEL"))
        {
            return null;
        }

        var packs = cache == KeyValuePrecision.Int4 && past.Type == ElementType.Int8;
        return node with
        {
            Domain = KernelContract.Domain,
            OpType = packs ? AttentionContract.AttentionInt4Operator
                : past.Type == ElementType.Int8 ? AttentionContract.AttentionInt8Operator
                : cache == KeyValuePrecision.Float16 && IsAlone() ? AttentionContract.AttentionFloat16Operator
                : AttentionContract.AttentionOperator,
            Inputs =
            [
                Input(0), Input(3), Input(4), Input(5), Input(1), Input(2), Input(7), Input(8), Input(11),
                .. packs ? (string[])[KeepsScores() ? "" : means(node.Outputs[1])] : [Input(12), Input(13)],
            ],
            Attributes =
            [
                .. node.Attributes.Where(attribute => attribute.Name == AttentionContract.SlidingAttribute
                    || AttentionContract.Attributes.Contains(attribute.Name)),
            ],
        };

        // What other layers read of these keys and values, they read in single precision.
        bool IsAlone() => graph.Nodes.All(other => other.Inputs.All(
            input => input == node.Inputs[3] || input == node.Inputs[4] ? other == node
                : input.Length == 0 || !node.Outputs.Skip(1).Contains(input)));

        // Such scores must not be moved.
        bool KeepsScores() => Input(11).Length > 0 || node.Attributes.OfType<NodeAttribute.Float>()
            .Any(attribute => attribute.Name == AttentionContract.SoftcapAttribute && attribute.Value > 0);

        string Input(int index) => index < node.Inputs.Count ? node.Inputs[index] : "";

        bool IsOne(string name) => Integer(name) == 1;

        long Integer(string name)
            => node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value
                ?? 0;
    }
}
