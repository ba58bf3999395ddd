using Slipway.Onnx;

namespace Slipway.Tracing.Passes;

/// <summary>Fuses the Gaussian error linear unit that a module wrote out.</summary>
/// <remarks>
/// <code>
/// ½ · x · (1 + erf(x / √2))                                →   Gelu, approximate = none
/// ½ · x · (1 + tanh(√(2/π) · (x + 0.044715 · x³)))         →   Gelu, approximate = tanh
/// </code>
/// Standard from operator set 20 on. Source: Hendrycks and Gimpel, "Gaussian Error Linear Units", 2016.
/// </remarks>
internal static class FuseGelu
{
    private const double Cubic = 0.044715;

    public static Replacement? Apply(GraphPatterns patterns, Node node)
    {
        if (patterns.Opset < 20 || node is not { OpType: "Mul", Domain: OnnxModel.StandardDomain }
            || Product.Of(patterns, node.Outputs[0]) is not { Factors: [var one, var other] } product
            || !GraphPatterns.AreNear(product.Constant, 0.5))
        {
            return null;
        }

        return Fused(one, other) ?? Fused(other, one);

        Replacement? Fused(string x, string bracket)
        {
            if (patterns.Info(x) is not { Type: ElementType.Float32 }
                || patterns.Maker(bracket, "Add") is not { } sum
                || Array.FindIndex([0, 1], side => patterns.Number(sum.Inputs[side]) is 1) is not (>= 0 and var side)
                || patterns.Maker(sum.Inputs[1 - side], "Erf", "Tanh") is not { } bend)
            {
                return null;
            }

            var isExact = bend.OpType == "Erf";
            return (isExact ? IsHalved(bend.Inputs[0], x) : IsCubic(bend.Inputs[0], x))
                ? new([new Node(
                    node.Name, OnnxModel.StandardDomain, "Gelu", [x], node.Outputs,
                    [new NodeAttribute.Text("approximate", isExact ? "none" : "tanh")])])
                : null;
        }

        // x / √2
        bool IsHalved(string value, string x)
            => Product.Of(patterns, value) is { } product && product.Factors is [var only] && only == x
                && GraphPatterns.AreNear(product.Constant, Math.Sqrt(0.5));

        // √(2/π) · (x + 0.044715 · x³), or √(2/π) · x · (1 + 0.044715 · x²)
        bool IsCubic(string value, string x)
        {
            var product = Product.Of(patterns, value);
            if (!GraphPatterns.AreNear(product.Constant, Math.Sqrt(2 / Math.PI)))
            {
                return false;
            }

            var bracket = product.Factors switch
            {
                [var only] => only,
                [var a, var b] when a == x => b,
                [var a, var b] when b == x => a,
                _ => null,
            };
            if (bracket is null || patterns.Maker(bracket, "Add") is not { } sum)
            {
                return false;
            }

            var isOuter = product.Factors.Count == 2;
            return Array.Exists([0, 1], side =>
                (isOuter ? patterns.Number(sum.Inputs[side]) is 1 : sum.Inputs[side] == x)
                && Product.Of(patterns, sum.Inputs[1 - side]) is var power
                && GraphPatterns.AreNear(power.Constant, Cubic)
                && power.Factors.Count == (isOuter ? 2 : 3) && power.Factors.All(factor => factor == x));
        }
    }
}

/// <summary>A tree of products, as its constant and its other factors.</summary>
internal sealed record Product(double Constant, IReadOnlyList<string> Factors)
{
    private const int MaxFactors = 8;

    /// <summary>Takes a value apart; one that is no product is its own only factor.</summary>
    public static Product Of(GraphPatterns patterns, string value)
    {
        var constant = 1.0;
        List<string> factors = [];
        Read(value);
        return new Product(constant, factors);

        void Read(string part)
        {
            if (patterns.Number(part) is { } number)
            {
                constant *= number;
            }
            else if (factors.Count < MaxFactors && patterns.Maker(part, "Mul") is { } product)
            {
                Read(product.Inputs[0]);
                Read(product.Inputs[1]);
            }
            else if (patterns.Maker(part, "Div") is { } quotient && patterns.Number(quotient.Inputs[1]) is { } divisor)
            {
                constant /= divisor;
                Read(quotient.Inputs[0]);
            }
            else if (patterns.Maker(part, "Pow") is { } power
                && patterns.Number(power.Inputs[1]) is 2 or 3 && patterns.Number(power.Inputs[1]) is { } exponent)
            {
                for (var count = 0; count < (int)exponent; count++)
                {
                    Read(power.Inputs[0]);
                }
            }
            else
            {
                factors.Add(part);
            }
        }
    }
}
