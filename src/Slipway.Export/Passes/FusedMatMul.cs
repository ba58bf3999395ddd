using Slipway.Onnx;
using Slipway.Packaging.Kernels;
using static Slipway.Packaging.Kernels.FusedMatMulContract;

namespace Slipway.Export.Passes;

/// <summary>
/// Describes a product of rows and weights of 4 or 8 bits, with what the operator does before and after it.
/// </summary>
internal sealed record FusedMatMul(string Name, string X, string Output, Node Weights)
{
    private const int BiasInput = 5;

    /// <summary>The constant of scales.</summary>
    public required string Scales { get; init; }

    /// <summary>The constant of zero points or minima; empty for zero points in the middle.</summary>
    public required string Offsets { get; init; }

    /// <summary>Weights of the norm that x goes through first.</summary>
    public string Norm { get; init; } = "";

    public float Epsilon { get; init; }

    /// <summary>The value that the product is added to.</summary>
    public string? Addend { get; init; }

    /// <summary>The product whose silu multiplies this one.</summary>
    public FusedMatMul? Gate { get; init; }

    public long Inputs => Integer(Weights, InputsAttribute)!.Value;

    private string Bias => Weights.Inputs.Count > BiasInput ? Weights.Inputs[BiasInput] : "";

    /// <summary>Reads a node; null where it is something else, or something that the operator cannot do.</summary>
    /// <remarks>
    /// Beside ONNX Runtime's products those that <see cref="FoldMinima"/> made of them. The operator rounds inputs to 8
    /// bits whatever <c>accuracy_level</c> ONNX Runtime is given: codes of a library run as fast as others.
    /// </remarks>
    public static FusedMatMul? Read(Graph graph, GraphUses uses, Node node)
    {
        if (node.OpType is not ("MatMulNBits" or FusedMatMulOperator)
            || !SupportsBits(Integer(node, "bits") ?? 4)
            || Integer(node, OutputsAttribute) is not { } outputs || Integer(node, InputsAttribute) is not { } inputs
            || Integer(node, BlockSizeAttribute) is not { } block || !Supports(outputs, inputs, block))
        {
            return null;
        }

        // Scales that are stored in 16 bits are widened by a node of their own, which the operator does without.
        var blocks = inputs / block;
        var scales = uses.Maker(node.Inputs[2]) is { OpType: "Cast" } cast ? cast.Inputs[0] : node.Inputs[2];
        var bits = (int)(Integer(node, "bits") ?? 4);
        var fits = IsConstant(1, ElementType.UInt8, [outputs, blocks, CodeBytes(block, bits)])
            && (IsNamed(scales, ElementType.Float16, [outputs, blocks])
                || IsNamed(scales, ElementType.Float32, [outputs, blocks]))
            && (!Has(3) || IsConstant(3, ElementType.UInt8, [outputs, ZeroPointBytes(blocks, bits)])
                || node.OpType == FusedMatMulOperator)
            && !Has(4) && (!Has(BiasInput) || IsConstant(BiasInput, ElementType.Float32, [outputs]));
        return !fits ? null : new FusedMatMul(node.Name, node.Inputs[0], node.Outputs[0], node)
        {
            Scales = scales,
            Offsets = Has(3) ? node.Inputs[3] : "",
        };

        bool Has(int input) => node.Inputs.Count > input && node.Inputs[input].Length > 0;

        bool IsConstant(int input, ElementType type, long[] shape) => IsNamed(node.Inputs[input], type, shape);

        bool IsNamed(string name, ElementType type, long[] shape)
            => graph.FindInitializer(name) is { } constant && constant.Type == type
                && constant.Shape.SequenceEqual(shape);
    }

    /// <summary>Tells whether another product of the same rows can be this one's gate.</summary>
    public bool FitsGate(FusedMatMul gate) =>
        X == gate.X && Bias.Length == 0 && gate.Bias.Length == 0
        && ((string[])[OutputsAttribute, InputsAttribute, BlockSizeAttribute])
            .All(name => Integer(Weights, name) == Integer(gate.Weights, name));

    public Node ToNode() => Gate is null
        ? new Node(
            Name, KernelContract.Domain, FusedMatMulOperator, [X, .. Matrix, Norm, Bias, Addend ?? ""], [Output],
            Attributes)
        : new Node(
            Name, KernelContract.Domain, GatedMatMulOperator, [X, .. Matrix, .. Gate.Matrix, Norm], [Output],
            Attributes);

    private IEnumerable<string> Matrix => [Weights.Inputs[1], Scales, Offsets];

    private IReadOnlyList<NodeAttribute> Attributes =>
    [
        .. Weights.Attributes.Where(
            attribute => attribute.Name is OutputsAttribute or InputsAttribute or BlockSizeAttribute),
        new NodeAttribute.Float(EpsilonAttribute, Epsilon),
    ];

    private static long? Integer(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value;
}
