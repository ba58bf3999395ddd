using Slipway.Onnx;

namespace Slipway.Export.Kernels;

/// <summary>Attention over a cache that the graph takes and gives.</summary>
internal static class KernelAttention
{
    /// <summary>The operators: over floats, and over int8 codes.</summary>
    public static readonly IReadOnlyList<string> Operators = ["GroupQueryAttention", "GroupQueryAttentionInt8"];

    private static readonly string[] Kept =
        ["num_heads", "kv_num_heads", "scale", "softcap", "local_window_size", "do_rotary"];

    private static readonly string[] Known =
        [.. Kept, "rotary_interleaved", "k_quant_type", "v_quant_type", "kv_cache_bit_width"];

    /// <summary>The node in the operator that takes its place; null where that cannot do what the node does.</summary>
    public static Node? Convert(Graph graph, Node node)
    {
        if (node is not { Domain: OnnxModel.ContribDomain, OpType: "GroupQueryAttention", Outputs.Count: 3 }
            || graph.Inputs.FirstOrDefault(port => port.Name == node.Inputs[3]) is not { } past
            || !graph.Outputs.Any(port => port.Name == node.Outputs[1])
            || past.Type is not (ElementType.Float32 or ElementType.Int8)
            || past.Shape[^1].Size is not { } size || size % 16 != 0
            || Input(9).Length > 0 || Input(10).Length > 0
            || node.Attributes.Any(attribute => !Known.Contains(attribute.Name))
            || Kept.Any(name => node.Attributes.All(attribute => attribute.Name != name))
            || IsOne("rotary_interleaved")
            || node.Attributes.OfType<NodeAttribute.Text>().Any(attribute => attribute.Value != "PER_CHANNEL"))
        {
            return null;
        }

        return node with
        {
            Domain = KernelGraph.Domain,
            OpType = Operators[past.Type == ElementType.Int8 ? 1 : 0],
            Inputs =
            [
                Input(0), Input(3), Input(4), Input(5), Input(1), Input(2), Input(7), Input(8), Input(11), Input(12),
                Input(13),
            ],
            Attributes = [.. node.Attributes.Where(attribute => Kept.Contains(attribute.Name))],
        };

        string Input(int index) => index < node.Inputs.Count ? node.Inputs[index] : "";

        bool IsOne(string name) =>
            node.Attributes.OfType<NodeAttribute.Int>().Any(attribute => attribute.Name == name && attribute.Value == 1);
    }
}
