using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Fuses a normalization over the last axis that a module wrote out.</summary>
/// <remarks>
/// <code>
/// x ─┬─ ReduceMean ─┐
///    └───────────── Sub = d ── d² ── ReduceMean ── + ε ── Sqrt ─┐      →   x ── LayerNormalization
///                      └───────────────────────────────────── Div
/// </code>
/// Source: Ba, Kiros and Hinton, "Layer Normalization", 2016.
/// </remarks>
internal static class FuseLayerNorm
{
    public static Replacement? Apply(GraphPatterns patterns, Node node)
    {
        if (RootMean.Match(patterns, node) is not { } match
            || patterns.Maker(match.X, "Sub") is not { } difference
            || patterns.Maker(difference.Inputs[1], "ReduceMean") is not { } mean
            || mean.Inputs[0] != difference.Inputs[0]
            || patterns.Info(mean.Inputs[0]) is not { Shape: [.., { } width] } info
            || !RootMean.IsOverLastAxis(patterns, mean, info.Shape.Count) || !RootMean.IsFused(info.Type))
        {
            return null;
        }

        var ones = GraphPatterns.Ones(width, info.Type);
        return new(
            [new Node(
                node.Name, OnnxModel.StandardDomain, "LayerNormalization", [mean.Inputs[0], ones.Name], node.Outputs,
                [new NodeAttribute.Int("axis", -1), new NodeAttribute.Float("epsilon", match.Epsilon)])],
            ones);
    }
}

/// <summary>Fuses a division by the root of the mean square over the last axis that a module wrote out.</summary>
/// <remarks>
/// <code>
/// x ─┬─ x² ── ReduceMean ── + ε ── Sqrt ── Reciprocal ─┐      →   x ── RMSNormalization
///    └──────────────────────────────────────────────── Mul
/// </code>
/// Standard from operator set 23 on; ONNX Runtime's SimplifiedLayerNormalization before. Source: Zhang and Sennrich,
/// "Root Mean Square Layer Normalization", 2019.
/// </remarks>
internal static class FuseRmsNorm
{
    public static Replacement? Apply(GraphPatterns patterns, Node node)
    {
        if ((patterns.Opset < 23 && !patterns.UsesContribOperators)
            || RootMean.Match(patterns, node) is not { } match
            || patterns.Info(match.X) is not { Shape: [.., { } width] } info || !RootMean.IsFused(info.Type))
        {
            return null;
        }

        var ones = GraphPatterns.Ones(width, info.Type);
        NodeAttribute[] attributes =
            [new NodeAttribute.Int("axis", -1), new NodeAttribute.Float("epsilon", match.Epsilon)];

        // ONNX Runtime registers its operator in the standard domain.
        return new(
            [new Node(
                node.Name, OnnxModel.StandardDomain,
                patterns.UsesContribOperators ? "SimplifiedLayerNormalization" : "RMSNormalization",
                [match.X, ones.Name], node.Outputs, attributes)],
            ones);
    }
}

/// <summary>A value over the root of its mean square: x / √(mean(x²) + ε).</summary>
internal sealed record RootMean(string X, float Epsilon)
{
    /// <summary>Reads a node as the last of such a form; null where it is none.</summary>
    public static RootMean? Match(GraphPatterns patterns, Node node)
    {
        if (node.Domain != OnnxModel.StandardDomain || node.Inputs.Count != 2)
        {
            return null;
        }

        return node.OpType switch
        {
            "Div" when patterns.Maker(node.Inputs[1], "Sqrt") is { } root => Read(node.Inputs[0], root.Inputs[0]),
            "Mul" => Multiplied(node.Inputs[0], node.Inputs[1]) ?? Multiplied(node.Inputs[1], node.Inputs[0]),
            _ => null,
        };

        RootMean? Multiplied(string x, string factor)
            => patterns.Maker(factor, "Reciprocal") is { } inverse
                && patterns.Maker(inverse.Inputs[0], "Sqrt") is { } root ? Read(x, root.Inputs[0])
                : patterns.Maker(factor, "Pow") is { } power && patterns.Number(power.Inputs[1]) is -0.5
                    ? Read(x, power.Inputs[0])
                : patterns.Maker(factor, "Div") is { } quotient && patterns.Number(quotient.Inputs[0]) is 1
                    && patterns.Maker(quotient.Inputs[1], "Sqrt") is { } divisor ? Read(x, divisor.Inputs[0]) : null;

        // mean(x²) + ε, the mean over the last axis and kept as an axis
        RootMean? Read(string x, string sum)
        {
            if (patterns.Maker(sum, "Add") is not { } added)
            {
                return null;
            }

            var side = patterns.Number(added.Inputs[1]) is not null ? 1 : 0;
            return patterns.Number(added.Inputs[side]) is { } epsilon and >= 0
                && patterns.Maker(added.Inputs[1 - side], "ReduceMean") is { } mean
                && IsSquare(patterns, mean.Inputs[0], x)
                && patterns.Info(x)?.Shape.Count is { } rank && IsOverLastAxis(patterns, mean, rank)
                ? new RootMean(x, (float)epsilon) : null;
        }
    }

    /// <summary>Tells whether a node reduces the last axis alone, and keeps it.</summary>
    public static bool IsOverLastAxis(GraphPatterns patterns, Node node, int rank)
        => GraphPatterns.Int(node, "keepdims", 1) == 1
            && (node.Inputs.Count > 1 ? patterns.Integers(node.Inputs[1]) : GraphPatterns.Ints(node, "axes"))
                is [var axis] && (axis == -1 || axis == rank - 1);

    /// <summary>Tells whether fused forms compute a type as exactly as their parts.</summary>
    public static bool IsFused(ElementType type) => type is ElementType.Float32 or ElementType.Float16;

    private static bool IsSquare(GraphPatterns patterns, string value, string x)
        => patterns.Maker(value, "Mul", "Pow") is { } node && node.Inputs[0] == x
            && (node.OpType == "Mul" ? node.Inputs[1] == x : patterns.Number(node.Inputs[1]) is 2);
}
