using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Multiplies by a weight [out, in] as it is stored, where others read it too.</summary>
/// <remarks>
/// <code>
/// weight ── Transpose ── MatMul   →   weight ── FusedMatMul, transB = 1
/// </code>
/// ONNX Runtime would keep a transposed copy of the weight; the operator is its own.
/// </remarks>
internal static class FuseTransposedWeight
{
    public static Replacement? Apply(GraphPatterns patterns, Node node)
        => patterns.UsesContribOperators && node is { OpType: "MatMul", Domain: OnnxModel.StandardDomain }
            && patterns.Maker(node.Inputs[1], "Transpose") is { } transpose
            && patterns.Graph.FindInitializer(transpose.Inputs[0]) is { Type: ElementType.Float32, Shape.Count: 2 }
            ? new([node with
            {
                Domain = OnnxModel.ContribDomain, OpType = "FusedMatMul",
                Inputs = [node.Inputs[0], transpose.Inputs[0]], Attributes = [new NodeAttribute.Int("transB", 1)],
            }])
            : null;
}
