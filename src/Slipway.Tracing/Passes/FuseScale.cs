using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Takes the weights, and the bias, that follow a normalization into it.</summary>
/// <remarks>
/// <code>
/// x ── LayerNormalization ── Mul ── Add   →   x, weight, bias ── LayerNormalization
/// </code>
/// </remarks>
internal static class FuseScale
{
    public static Replacement? Apply(GraphPatterns patterns, Node node)
    {
        if (node.Domain != OnnxModel.StandardDomain || node.OpType is not ("Mul" or "Add"))
        {
            return null;
        }

        foreach (var value in node.Inputs)
        {
            if (patterns.Maker(
                    value, "LayerNormalization", "RMSNormalization", "SimplifiedLayerNormalization") is { } norm
                && patterns.OnlyReader(value) == node && Weight(patterns, norm, GraphPatterns.Other(node, value)))
            {
                if (node.OpType == "Mul" && norm.Inputs.Count == 2 && patterns.IsOnes(norm.Inputs[1]))
                {
                    return new([node with
                    {
                        OpType = norm.OpType, Inputs = [norm.Inputs[0], GraphPatterns.Other(node, value)],
                        Attributes = norm.Attributes,
                    }]);
                }

                if (node.OpType == "Add" && norm is { OpType: "LayerNormalization", Inputs.Count: 2 })
                {
                    return new([node with
                    {
                        OpType = norm.OpType, Inputs = [.. norm.Inputs, GraphPatterns.Other(node, value)],
                        Attributes = norm.Attributes,
                    }]);
                }
            }
        }

        return null;
    }

    // A vector of the last axis's size and of the same type as the weights that are there.
    private static bool Weight(GraphPatterns patterns, Node norm, string value)
        => GraphPatterns.Int(norm, "axis", -1) == -1
            && patterns.Graph.FindInitializer(norm.Inputs[1]) is { Shape: [var width] } weights
            && patterns.Graph.FindInitializer(value) is { Shape: [var length] } other
            && length == width && other.Type == weights.Type;
}
