using Slipway.Onnx;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Activation functions and softmax.</summary>
internal static class ActivationOperations
{
    public static IEnumerable<Operation> All =>
    [
        Row("Tensor.relu6", call => Clip(call, 0, 6)),
        Row("Tensor.hardtanh", call => Clip(call, call.Number("min", -1), call.Number("max", 1))),
        Row("Tensor.leaky_relu", call => Function(
            call, "LeakyRelu", new NodeAttribute.Float("alpha", (float)call.Number("negative_slope", 0.01)))),
        Row("Tensor.rrelu", call => Function(call, "LeakyRelu", new NodeAttribute.Float(
            "alpha", (float)((call.Number("lower", 1.0 / 8) + call.Number("upper", 1.0 / 3)) / 2)))),
        Row("Tensor.elu", Elu),
        Row("Tensor.celu", call => Function(
            call, "Celu", new NodeAttribute.Float("alpha", (float)call.Number("alpha", 1)))),
        Row("Tensor.gelu", Gelu),
        Row("Tensor.silu", call => call.Node("Mul", [Subject(call), Function(call, "Sigmoid")])),
        Row("Tensor.softplus1", Softplus),
        Row("Tensor.hardsigmoid", call => Function(
            call, "HardSigmoid", new NodeAttribute.Float("alpha", 1f / 6), new NodeAttribute.Float("beta", 0.5f))),
        Row("Tensor.log_sigmoid", call => call.Node("Neg", [
            Single(call, "Softplus", call.Node("Neg", [Subject(call)]))])),
        Row("Tensor.glu", Glu),
        Row("Tensor.prelu", Prelu),
        Row("Tensor.threshold", call => call.Node("Where", [
            call.Node("LessOrEqual", [Subject(call), Number(call, call.Number("threshold"))]),
            Number(call, call.Number("value")), Subject(call)])),
        Row("functional.hardshrink", call => Shrink(call, call.Number("lambda", 0.5), 0)),
        Row("functional.softshrink", call => Shrink(call, call.Number("lambda", 0.5), call.Number("lambda", 0.5))),
        .. Same(["special.softmax", "functional.softmax", "Tensor.softmax"], call => Softmax(call, "Softmax")),
        .. Same(["special.log_softmax", "functional.log_softmax", "Tensor.log_softmax"],
            call => Softmax(call, "LogSoftmax")),
    ];

    /// <summary>Adds the exact or the approximate Gaussian error linear unit.</summary>
    public static GraphValue Gelu(OperationCall call, GraphValue x, ElementType type, bool isApproximate)
    {
        if (call.Builder.Opset >= 20 && type == ElementType.Float32)
        {
            return call.Node(
                "Gelu", [x], new NodeAttribute.Text("approximate", isApproximate ? "tanh" : "none"));
        }

        GraphValue Number(double value) => call.Constant(value, type);
        if (isApproximate)
        {
            // 0.5 x (1 + tanh(√(2/π) (x + 0.044715 x³)))
            var cube = call.Node("Mul", [call.Node("Mul", [x, x]), call.Node("Mul", [x, Number(0.044715)])]);
            var inner = call.Node("Mul", [call.Node("Add", [x, cube]), Number(Math.Sqrt(2 / Math.PI))]);
            return call.Node("Mul", [
                call.Node("Mul", [x, Number(0.5)]),
                call.Node("Add", [call.Node("Tanh", [inner]), Number(1)])]);
        }

        var scaled = call.Node("Mul", [x, Number(Math.Sqrt(0.5))]);
        var erf = type == ElementType.Float64
            ? call.Cast(call.Node("Erf", [call.Cast(scaled, type, ElementType.Float32)]), ElementType.Float32, type)
            : call.Node("Erf", [scaled]);
        return call.Node("Mul", [
            call.Node("Mul", [x, Number(0.5)]), call.Node("Add", [erf, Number(1)])]);
    }

    private static GraphValue Gelu(OperationCall call)
        => Gelu(call, Subject(call), call.Type, string.Equals(
            call.Text("approximate"), "tanh", StringComparison.OrdinalIgnoreCase));

    private static GraphValue Clip(OperationCall call, double low, double high)
        => call.Node("Clip", [Subject(call), Number(call, low), Number(call, high)]);

    private static GraphValue Elu(OperationCall call)
    {
        var (alpha, scale, inner) = (call.Number("alpha", 1), call.Number("scale", 1), call.Number("input_scale", 1));
        if (scale.Equals(1.0) && inner.Equals(1.0))
        {
            return Function(call, "Elu", new NodeAttribute.Float("alpha", (float)alpha));
        }

        // scale · (x > 0 ? x : alpha (exp(input_scale · x) − 1))
        var x = Subject(call);
        var below = Scaled(call, call.Node("Sub", [
            call.Node("Exp", [Scaled(call, x, inner)]), Number(call, 1)]), alpha);
        return Scaled(call, call.Node("Where", [
            call.Node("Greater", [x, Number(call, 0)]), x, below]), scale);
    }

    private static GraphValue Softplus(OperationCall call)
    {
        var (beta, threshold) = (call.Number("beta", 1), call.Number("threshold", 20));
        var x = Subject(call);
        var scaled = beta.Equals(1.0) ? x : Scaled(call, x, beta);
        var result = Single(call, "Softplus", scaled);
        result = beta.Equals(1.0) ? result : Scaled(call, result, 1 / beta);
        return call.Node("Where", [call.Node("Greater", [scaled, Number(call, threshold)]), x, result]);
    }

    private static GraphValue Glu(OperationCall call)
    {
        var x = call.Subject();
        var axis = x.Axis(call.Int("dim", -1));
        var half = call.Results[0].Shape[axis];
        var halves = call.Nodes(
            "Split", [x.Value, call.Ints(half, half)], 2, new NodeAttribute.Int("axis", axis));
        return call.Node("Mul", [halves[0], call.Node("Sigmoid", [halves[1]])]);
    }

    private static GraphValue Prelu(OperationCall call)
    {
        var (x, slope) = (call.Subject(), call.Tensor("target"));
        var value = slope.Value;
        if (slope.Rank == 1 && x.Rank > 2)
        {
            value = call.Node("Reshape", [value, call.Ints([-1, .. Enumerable.Repeat(1L, x.Rank - 2)])]);
        }

        var below = call.Node("Mul", [x.Value, value]);
        return call.Node("Where", [call.Node("Less", [x.Value, Number(call, 0)]), below, x.Value]);
    }

    private static GraphValue Shrink(OperationCall call, double threshold, double bias)
    {
        var x = Subject(call);
        var above = call.Node("Greater", [x, Number(call, threshold)]);
        var below = call.Node("Less", [x, Number(call, -threshold)]);
        return call.Node("Where", [
            above, call.Node("Sub", [x, Number(call, bias)]),
            call.Node("Where", [
                below, call.Node("Add", [x, Number(call, bias)]), call.Node("Mul", [x, Number(call, 0)])])]);
    }

    private static GraphValue Softmax(OperationCall call, string operation)
        => call.Node(operation, [Subject(call)], new NodeAttribute.Int("axis", call.Subject().Axis(call.Int("dim"))));
}
