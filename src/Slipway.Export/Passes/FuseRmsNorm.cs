using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Fuses a norm into the products behind it, where only products read it.</summary>
/// <remarks>
/// <code>
/// x ── SimplifiedLayerNormalization ─┬─ product       →   x ─┬─ FusedMatMulNBits
///                                    └─ product              └─ FusedMatMulNBits
/// </code>
/// Source: Zhang and Sennrich, "Root Mean Square Layer Normalization", 2019.
/// </remarks>
internal static class FuseRmsNorm
{
    public static void Apply(FusionPlan plan)
    {
        foreach (var node in plan.Nodes.ToList())
        {
            Fuse(plan, node);
        }
    }

    private static void Fuse(FusionPlan plan, Node node)
    {
        if (node.OpType != "SimplifiedLayerNormalization"
            || plan.Graph.FindInitializer(node.Inputs[1]) is not { Type: ElementType.Float32 } weights
            || node.Attributes.OfType<NodeAttribute.Float>().FirstOrDefault() is not { } epsilon)
        {
            return;
        }

        var readers = plan.Readers(node.Outputs[0]);
        if (readers.Sum(reader => reader.Value.Gate is null ? 1 : 2) != plan.Uses.Count(node.Outputs[0])
            || readers.Any(reader => weights.Shape is not [var width] || width != reader.Value.Inputs))
        {
            return;
        }

        foreach (var (at, product) in readers)
        {
            plan.Put(at, product with { X = node.Inputs[0], Norm = node.Inputs[1], Epsilon = epsilon.Value });
        }

        plan.Drop(node);
    }
}
