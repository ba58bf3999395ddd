using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Fuses two products of the same rows, of which one gates the other.</summary>
/// <remarks>
/// <code>
/// x ─┬─ gate ─┬─ Sigmoid ─┐
///    │        └────────── Mul ─┐        →   x ── GatedMatMulNBits
///    └─ up ─────────────────── Mul
/// </code>
/// Source: Shazeer, "GLU Variants Improve Transformer", 2020.
/// </remarks>
internal static class FuseSwiGlu
{
    public static void Apply(FusionPlan plan)
    {
        foreach (var node in plan.Graph.Nodes)
        {
            Fuse(plan, node);
        }
    }

    // up * (gate * sigmoid(gate)), which nothing else reads.
    private static void Fuse(FusionPlan plan, Node node)
    {
        var uses = plan.Uses;
        if (node.OpType != "Mul" || plan.Product(node.Inputs[1]) is not { } up
            || uses.Maker(node.Inputs[0]) is not { OpType: "Mul" } silu
            || uses.Maker(silu.Inputs[1]) is not { OpType: "Sigmoid" } sigmoid
            || sigmoid.Inputs[0] != silu.Inputs[0]
            || plan.Product(silu.Inputs[0]) is not { } gate
            || !up.FitsGate(gate)
            || uses.Count(up.Output) != 1 || uses.Count(gate.Output) != 2
            || uses.Count(sigmoid.Outputs[0]) != 1 || uses.Count(silu.Outputs[0]) != 1)
        {
            return;
        }

        plan.Drop(sigmoid);
        plan.Drop(silu);
        plan.Remove(up);
        plan.Remove(gate);
        plan.Put(node.Name, up with { Name = node.Name, Output = node.Outputs[0], Gate = gate });
    }
}
