namespace Slipway.Onnx.Operators;

/// <summary>The operators of ONNX itself that models are built from, opset 21.</summary>
/// <remarks>Source: the ONNX operator reference. Shapes in brackets; broadcasting is NumPy's.</remarks>
public static class StandardOperators
{
    /// <summary>x + y.</summary>
    public static GraphValue Add(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "Add", [x, y]);

    /// <summary>x − y.</summary>
    public static GraphValue Sub(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "Sub", [x, y]);

    /// <summary>x · y, element by element.</summary>
    public static GraphValue Mul(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "Mul", [x, y]);

    /// <summary>x / y, element by element.</summary>
    public static GraphValue Div(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "Div", [x, y]);

    /// <summary>The product of matrices; leading dimensions are batches.</summary>
    public static GraphValue MatMul(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "MatMul", [x, y]);

    /// <summary>x repeated to a shape, as broadcasting does.</summary>
    public static GraphValue Expand(this NodeScope scope, GraphValue x, GraphValue shape) =>
        Node(scope, "Expand", [x, shape]);

    /// <summary>1 / (1 + e⁻ˣ).</summary>
    public static GraphValue Sigmoid(this NodeScope scope, GraphValue x) => Node(scope, "Sigmoid", [x]);

    /// <summary>The hyperbolic tangent.</summary>
    public static GraphValue Tanh(this NodeScope scope, GraphValue x) => Node(scope, "Tanh", [x]);

    /// <summary>max(x, 0).</summary>
    public static GraphValue Relu(this NodeScope scope, GraphValue x) => Node(scope, "Relu", [x]);

    /// <summary>The Gaussian error linear unit; its tanh approximation where asked for.</summary>
    public static GraphValue Gelu(this NodeScope scope, GraphValue x, bool approximate = false) =>
        Node(scope, "Gelu", [x], new NodeAttribute.Text("approximate", approximate ? "tanh" : "none"));

    /// <summary>The softmax over an axis.</summary>
    public static GraphValue Softmax(this NodeScope scope, GraphValue x, long axis = -1) =>
        Node(scope, "Softmax", [x], new NodeAttribute.Int("axis", axis));

    /// <summary>Another element type.</summary>
    public static GraphValue Cast(this NodeScope scope, GraphValue x, ElementType type) =>
        Node(scope, "Cast", [x], new NodeAttribute.Int("to", (long)type));

    /// <summary>Another shape of the same elements; 0 keeps a dimension, −1 takes what is left.</summary>
    public static GraphValue Reshape(this NodeScope scope, GraphValue x, params ReadOnlySpan<long> shape) =>
        Node(scope, "Reshape", [x, scope.Ints(shape)]);

    /// <summary>The shape that another value has, of the same elements.</summary>
    public static GraphValue Reshape(this NodeScope scope, GraphValue x, GraphValue shape) =>
        Node(scope, "Reshape", [x, shape]);

    /// <summary>The dimensions in another order.</summary>
    public static GraphValue Transpose(this NodeScope scope, GraphValue x, params IReadOnlyList<long> order) =>
        Node(scope, "Transpose", [x], new NodeAttribute.Ints("perm", order));

    /// <summary>The shape as 64-bit integers.</summary>
    public static GraphValue Shape(this NodeScope scope, GraphValue x) => Node(scope, "Shape", [x]);

    /// <summary>The elements at indices along an axis.</summary>
    public static GraphValue Gather(this NodeScope scope, GraphValue data, GraphValue indices, long axis = 0) =>
        Node(scope, "Gather", [data, indices], new NodeAttribute.Int("axis", axis));

    /// <summary>A part of each of some axes; a negative start counts from the end.</summary>
    public static GraphValue Slice(
        this NodeScope scope, GraphValue data, GraphValue starts, GraphValue ends, GraphValue axes) =>
        Node(scope, "Slice", [data, starts, ends, axes]);

    /// <summary>Parts of an axis with the given sizes.</summary>
    public static IReadOnlyList<GraphValue> Split(
        this NodeScope scope, GraphValue data, long axis, params ReadOnlySpan<long> sizes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(
            OnnxModel.StandardDomain, "Split", [data, scope.Ints(sizes)],
            [.. Enumerable.Range(0, sizes.Length).Select(index => $"output_{index}")],
            [new NodeAttribute.Int("axis", axis)]);
    }

    /// <summary>Tensors one after the other along an axis.</summary>
    public static GraphValue Concat(this NodeScope scope, long axis, params IReadOnlyList<GraphValue> parts) =>
        Node(scope, "Concat", parts, new NodeAttribute.Int("axis", axis));

    /// <summary>x, but at least the lower and at most the upper limit, both scalars.</summary>
    public static GraphValue Clip(this NodeScope scope, GraphValue x, GraphValue lower, GraphValue upper) =>
        Node(scope, "Clip", [x, lower, upper]);

    /// <summary>x with zeros around it.</summary>
    /// <param name="scope">Where the node goes.</param>
    /// <param name="x">Of any shape.</param>
    /// <param name="counts">How many zeros before each axis, then how many behind each.</param>
    public static GraphValue Pad(this NodeScope scope, GraphValue x, params ReadOnlySpan<long> counts) =>
        Node(scope, "Pad", [x, scope.Ints(counts)]);

    /// <summary>−x.</summary>
    public static GraphValue Neg(this NodeScope scope, GraphValue x) => Node(scope, "Neg", [x]);

    /// <summary>The sum over axes, which disappear unless kept with size 1.</summary>
    public static GraphValue ReduceSum(this NodeScope scope, GraphValue x, bool keep, params ReadOnlySpan<long> axes) =>
        Node(scope, "ReduceSum", [x, scope.Ints(axes)], new NodeAttribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>The largest element over axes, which disappear unless kept with size 1.</summary>
    public static GraphValue ReduceMax(this NodeScope scope, GraphValue x, bool keep, params ReadOnlySpan<long> axes) =>
        Node(scope, "ReduceMax", [x, scope.Ints(axes)], new NodeAttribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>The Euclidean norm over axes, which disappear unless kept with size 1.</summary>
    public static GraphValue ReduceL2(this NodeScope scope, GraphValue x, bool keep, params ReadOnlySpan<long> axes) =>
        Node(scope, "ReduceL2", [x, scope.Ints(axes)], new NodeAttribute.Int("keepdims", keep ? 1 : 0));

    /// <summary>The square root.</summary>
    public static GraphValue Sqrt(this NodeScope scope, GraphValue x) => Node(scope, "Sqrt", [x]);

    /// <summary>The sums of all elements up to each one along an axis.</summary>
    public static GraphValue CumSum(this NodeScope scope, GraphValue x, long axis) =>
        Node(scope, "CumSum", [x, scope.Int(axis)]);

    /// <summary>The numbers from a start up to, not including, an end.</summary>
    public static GraphValue Range(this NodeScope scope, GraphValue start, GraphValue end, GraphValue step) =>
        Node(scope, "Range", [start, end, step]);

    /// <summary>Tells whether x equals y.</summary>
    public static GraphValue Equal(this NodeScope scope, GraphValue x, GraphValue y) => Node(scope, "Equal", [x, y]);

    /// <summary>Turns truth values around.</summary>
    public static GraphValue Not(this NodeScope scope, GraphValue x) => Node(scope, "Not", [x]);

    /// <summary>x / √(mean(x²) + epsilon) · weight over the last axis.</summary>
    /// <remarks>ONNX Runtime registers this operator in ONNX's own domain.</remarks>
    public static GraphValue SimplifiedLayerNormalization(
        this NodeScope scope, GraphValue x, GraphValue weight, float epsilon) =>
        Node(
            scope, "SimplifiedLayerNormalization", [x, weight],
            new NodeAttribute.Int("axis", -1), new NodeAttribute.Float("epsilon", epsilon),
            new NodeAttribute.Int("stash_type", 1));

    /// <summary>(x − mean) / √(variance + epsilon) · weight + bias over the last axis.</summary>
    public static GraphValue LayerNormalization(
        this NodeScope scope, GraphValue x, GraphValue weight, GraphValue bias, float epsilon) =>
        Node(
            scope, "LayerNormalization", [x, weight, bias],
            new NodeAttribute.Int("axis", -1), new NodeAttribute.Float("epsilon", epsilon),
            new NodeAttribute.Int("stash_type", 1));

    private static GraphValue Node(
        NodeScope scope, string opType, IReadOnlyList<GraphValue> inputs,
        params IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(scope);
        return scope.AddNode(OnnxModel.StandardDomain, opType, inputs, attributes);
    }
}
