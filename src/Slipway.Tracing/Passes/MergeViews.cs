using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Puts two arrangements of a tensor's elements together into one.</summary>
internal static class MergeViews
{
    public static Replacement? Apply(GraphPatterns patterns, Node node) => node switch
    {
        { OpType: "Transpose", Domain: OnnxModel.StandardDomain } => Transposed(patterns, node),
        { OpType: "Reshape", Domain: OnnxModel.StandardDomain } => Reshaped(patterns, node),
        _ => null,
    };

    private static Replacement? Transposed(GraphPatterns patterns, Node node)
    {
        if (GraphPatterns.Ints(node, "perm") is not { } order)
        {
            return null;
        }

        if (order.Select((axis, index) => axis == index).All(same => same))
        {
            return new([node with { OpType = "Identity", Attributes = [] }]);
        }

        if (patterns.Maker(node.Inputs[0], "Transpose") is not { } inner
            || GraphPatterns.Ints(inner, "perm") is not { } first)
        {
            return null;
        }

        return new([node with
        {
            Inputs = inner.Inputs,
            Attributes = [new NodeAttribute.Ints("perm", [.. order.Select(axis => first[(int)axis])])],
        }]);
    }

    // A size of 0 in the outer shape means a size of the inner one.
    private static Replacement? Reshaped(GraphPatterns patterns, Node node)
        => patterns.Maker(node.Inputs[0], "Reshape") is { } inner
            && patterns.Integers(node.Inputs[1]) is { } shape && !shape.Contains(0)
            ? new([node with { Inputs = [inner.Inputs[0], node.Inputs[1]] }]) : null;
}
