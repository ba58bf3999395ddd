using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Fuses a product with the sum that it is added to.</summary>
/// <remarks>
/// <code>
/// x ── product ─┐
/// residual ──── SkipSimplifiedLayerNormalization   →   x, residual ── FusedMatMulNBits ── SimplifiedLayerNormalization
/// </code>
/// </remarks>
internal static class FuseResidual
{
    public static void Apply(FusionPlan plan)
    {
        foreach (var node in plan.Graph.Nodes)
        {
            Fuse(plan, node);
        }
    }

    private static void Fuse(FusionPlan plan, Node node)
    {
        if (node.OpType != "SkipSimplifiedLayerNormalization" || node.Inputs.Count != 3 || node.Outputs.Count < 4)
        {
            return;
        }

        var side = Array.FindIndex(
            [0, 1], input => plan.Product(node.Inputs[input]) is { Gate: null, Addend: null } made
                && plan.Uses.Count(made.Output) == 1);
        if (side < 0)
        {
            return;
        }

        var product = plan.Product(node.Inputs[side])!;
        var sum = node.Outputs[3].Length > 0 ? node.Outputs[3] : $"{node.Outputs[0]}/sum";
        plan.Remove(product);
        plan.Put(node.Name, product with { Output = sum, Addend = node.Inputs[1 - side] });
        plan.KeepBehind(node, new Node(
            $"{node.Name}/norm", OnnxModel.StandardDomain, "SimplifiedLayerNormalization", [sum, node.Inputs[2]],
            [node.Outputs[0]],
            [
                .. node.Attributes.Where(attribute => attribute.Name == "epsilon"), new NodeAttribute.Int("axis", -1),
                new NodeAttribute.Int("stash_type", 1),
            ]));
    }
}
