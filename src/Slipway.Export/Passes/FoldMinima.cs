using Slipway.Onnx;
using Slipway.Packaging.Kernels;

namespace Slipway.Export.Passes;

/// <summary>Gives a product of weights of few bits the minima of their blocks, which the graph adds apart.</summary>
/// <remarks>
/// <code>
/// x ─┬─ MatMulNBits ───────────────────────────────────────────┬─ Add   →   x ── FusedMatMulNBits
///    └─ Reshape ─ ReduceSum ─ FusedMatMul (minima + middle·scales) ─┘
/// </code>
/// As <see cref="Weights.BlockMinima"/> writes it.
/// </remarks>
internal static class FoldMinima
{
    private const int Codes = 1, Scales = 2, Bias = 5;

    public static Graph Apply(Graph graph)
    {
        GraphUses uses = new(graph);
        return DropUnread.Apply(GraphCopy.Make(graph, node => [Fold(graph, uses, node) ?? node]));
    }

    private static Node? Fold(Graph graph, GraphUses uses, Node node)
    {
        if (node.OpType != "Add" || uses.Maker(node.Inputs[0]) is not { OpType: "MatMulNBits" } product
            || FusedMatMul.Read(graph, uses, product) is not { Offsets: "" } read
            || uses.Maker(node.Inputs[1]) is not { OpType: "Reshape" } shaped
            || uses.Maker(shaped.Inputs[1]) is not { OpType: "Shape" } shape || shape.Inputs[0] != read.Output
            || uses.Maker(shaped.Inputs[0]) is not { OpType: "FusedMatMul" } rest
            || uses.Maker(rest.Inputs[0]) is not { OpType: "ReduceSum" } sum
            || uses.Maker(sum.Inputs[0]) is not { OpType: "Reshape" } blocks || blocks.Inputs[0] != read.X
            || uses.Maker(rest.Inputs[1]) is not { OpType: "Add" } offsets
            || uses.Maker(offsets.Inputs[1]) is not { OpType: "Mul" } middles
            || middles.Inputs[0] != product.Inputs[Scales] || uses.Count(read.Output) != 2)
        {
            return null;
        }

        var minima = uses.Maker(offsets.Inputs[0]) is { OpType: "Cast" } cast ? cast.Inputs[0] : offsets.Inputs[0];
        return graph.FindInitializer(minima) is { } constant && graph.FindInitializer(read.Scales) is { } scales
            && (constant.Type, scales.Type) is (ElementType.Float16, ElementType.Float16)
                or (ElementType.Float32, ElementType.Float32)
            && constant.Shape.SequenceEqual(scales.Shape)
                ? new Node(
                    node.Name, KernelContract.Domain, FusedMatMulContract.FusedMatMulOperator,
                    [
                        read.X, product.Inputs[Codes], read.Scales, minima, "",
                        product.Inputs.Count > Bias ? product.Inputs[Bias] : "",
                    ],
                    [node.Outputs[0]], product.Attributes)
                : null;
    }
}
