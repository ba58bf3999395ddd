using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Fuses attention over heads that a module wrote out.</summary>
/// <remarks>
/// <code>
/// Q ─┐
/// Kᵀ ─ MatMul ── · scale ── mask ── Softmax ─┐      →   Q, K, V, mask ── Attention
/// V ──────────────────────────────────────── MatMul
/// </code>
/// Standard from operator set 23 on. A mask is a bias that is added, or closes keys by −∞; one that is the same for all
/// queries stays written out. Source: Vaswani and others, "Attention Is All You Need", 2017.
/// </remarks>
internal static class FuseAttention
{
    private const int Rank = 4;

    public static Replacement? Apply(GraphPatterns patterns, Node node)
    {
        if (patterns.Opset < 23 || node is not { OpType: "MatMul", Domain: OnnxModel.StandardDomain }
            || patterns.Maker(node.Inputs[0], "Softmax") is not { } softmax
            || GraphPatterns.Int(softmax, "axis", -1) is not (-1 or Rank - 1)
            || Scores.Read(patterns, softmax.Inputs[0], node.Name) is not { } scores
            || !IsPerHead(node.Inputs[1]) || !IsPerHead(scores.Query)
            || patterns.Info(scores.Query)!.Shape[1] != patterns.Info(node.Inputs[1])!.Shape[1])
        {
            return null;
        }

        return new([
            .. scores.Before,
            new Node(
                node.Name, OnnxModel.StandardDomain, "Attention",
                scores.Mask is { } mask
                    ? [scores.Query, scores.Key, node.Inputs[1], mask] : [scores.Query, scores.Key, node.Inputs[1]],
                node.Outputs, [new NodeAttribute.Float("scale", scores.Scale)])]);

        bool IsPerHead(string value)
            => patterns.Info(value) is { Type: ElementType.Float32, Shape: [_, not null, _, not null] };
    }

    /// <summary>Parts of what softmax is taken of.</summary>
    /// <param name="Query">[batch, heads, queries, width].</param>
    /// <param name="Key">[batch, heads, keys, width].</param>
    /// <param name="Mask">What is added, or true where keys are open; null for neither.</param>
    /// <param name="Scale">The factor of the products.</param>
    /// <param name="Before">Nodes that make the key and the mask.</param>
    private sealed record Scores(
        string Query, string Key, string? Mask, float Scale, IReadOnlyList<Node> Before)
    {
        public static Scores? Read(GraphPatterns patterns, string value, string name)
        {
            if (Products(patterns, value, name) is { } open)
            {
                return open;
            }

            if (patterns.Maker(value, "Where") is { } choice)
            {
                var closed = Array.FindIndex(
                    [1, 2], side => patterns.Number(choice.Inputs[side]) is double.NegativeInfinity) + 1;
                if (closed == 0 || !IsMask(patterns, choice.Inputs[0])
                    || Products(patterns, choice.Inputs[3 - closed], name) is not { } masked)
                {
                    return null;
                }

                Node invert = new(
                    $"{name}/Not", OnnxModel.StandardDomain, "Not", [choice.Inputs[0]], [$"{name}/Not/output"], []);
                return closed == 2 ? masked with { Mask = choice.Inputs[0] }
                    : masked with { Mask = invert.Outputs[0], Before = [.. masked.Before, invert] };
            }

            return patterns.Maker(value, "Add") is { } sum ? Biased(sum, 0) ?? Biased(sum, 1) : null;

            Scores? Biased(Node sum, int side)
                => IsMask(patterns, sum.Inputs[1 - side]) && Products(patterns, sum.Inputs[side], name) is { } biased
                    ? biased with { Mask = sum.Inputs[1 - side] } : null;
        }

        // A row for each query and a column for each key.
        private static bool IsMask(GraphPatterns patterns, string value)
            => patterns.Info(value) is { Type: ElementType.Bool or ElementType.Float32, Shape.Count: >= 2 and <= Rank }
                info && info.Shape[^1] != 1 && info.Shape[^2] != 1;

        private static Scores? Products(GraphPatterns patterns, string value, string name)
        {
            var scale = 1.0;
            if (patterns.Maker(value, "Mul", "Div") is { } scaled)
            {
                var side = scaled.OpType == "Mul" && patterns.Number(scaled.Inputs[0]) is not null ? 0 : 1;
                if (patterns.Number(scaled.Inputs[side]) is not { } number)
                {
                    return null;
                }

                scale = scaled.OpType == "Mul" ? number : 1 / number;
                value = scaled.Inputs[1 - side];
            }

            if (scale <= 0 || patterns.Maker(value, "MatMul") is not { } product
                || patterns.Maker(product.Inputs[1], "Transpose") is not { } transpose
                || GraphPatterns.Ints(transpose, "perm") is not [var a, var b, var c, var d])
            {
                return null;
            }

            if (a == 0 && b == 1 && c == 3 && d == 2)
            {
                return new(product.Inputs[0], transpose.Inputs[0], null, (float)scale, []);
            }

            var turn = transpose with
            {
                Name = $"{name}/Transpose", Outputs = [$"{name}/Transpose/output"],
                Attributes = [new NodeAttribute.Ints("perm", [a, b, d, c])],
            };
            return new(product.Inputs[0], turn.Outputs[0], null, (float)scale, [turn]);
        }
    }
}
