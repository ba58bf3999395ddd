using Slipway.Onnx;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Tensors of constants whose sizes or values follow from the sizes of inputs.</summary>
internal static class CreationOperations
{
    public static IEnumerable<Operation> All =>
    [
        .. Same(["torch._zeros", "Tensor.zeros_like", "torch._empty", "Tensor.empty_like"], call => Filled(call, 0)),
        .. Same(["torch._ones", "Tensor.ones_like"], call => Filled(call, 1)),
        .. Same(["torch._full", "Tensor.full_like"], call => Filled(call, call.Scalar("value", call.Type))),
        Row("torch.arange", Arange),
        Row("torch.eye", Eye),
        Row("torch.linspace", Linspace),
        Row("torch.tensor", call => call.Scalar("scalar", call.Type)) with { IsNativeOnly = true },
        Row("torch._tensor_generic", FromArray),
        Row("functional.one_hot", OneHot),
    ];

    private static GraphValue Filled(OperationCall call, double value)
        => Filled(call, call.Constant(value, call.Type));

    private static GraphValue Filled(OperationCall call, GraphValue value)
        => call.Node("Expand", [value, call.Ints(call.Results[0].Shape)]);

    private static GraphValue Arange(OperationCall call)
    {
        var type = call.Type is ElementType.Float32 or ElementType.Float64 or ElementType.Int32 or ElementType.Int64
            ? call.Type : ElementTypes.IsReal(call.Type) ? ElementType.Float32 : ElementType.Int64;
        GraphValue Bound(string name, double fallback)
            => call.Has(name) ? call.Scalar(name, type) : call.Constant(fallback, type);
        return call.Cast(
            call.Node("Range", [Bound("start", 0), Bound("stop", 0), Bound("step", 1)]), type, call.Type);
    }

    private static GraphValue Eye(OperationCall call)
    {
        GraphValue Numbers(int axis) => call.Node("Unsqueeze", [
            call.Node("Range", [
                call.Scope.Int(0), call.Node("Squeeze", [call.Ints(call.Results[0].Shape[axis]), call.Ints(0)]),
                call.Scope.Int(1)]),
            call.Ints(1 - axis)]);
        return call.Cast(call.Node("Equal", [Numbers(0), Numbers(1)]), ElementType.Bool, call.Type);
    }

    // start + i · (end − start) / (steps − 1)
    private static GraphValue Linspace(OperationCall call)
    {
        var steps = call.FindSize("steps")!;
        var numbers = call.Node("Cast", [
            call.Node("Range", [
                call.Scope.Int(0), call.Node("Squeeze", [call.Ints(steps), call.Ints(0)]), call.Scope.Int(1)])],
            new NodeAttribute.Int("to", (long)call.Type));
        var (start, end) = (call.Scalar("start", call.Type), call.Scalar("end", call.Type));
        var count = call.Node("Cast", [
            call.Node("Max", [call.Ints(steps.Map(value => value - 1)), call.Ints(1)])],
            new NodeAttribute.Int("to", (long)call.Type));
        var step = call.Node("Div", [call.Node("Sub", [end, start]), count]);
        return call.Node("Add", [call.Node("Mul", [numbers, step]), start]);
    }

    // Integers may be sizes; other numbers are constants, which fold.
    private static GraphValue FromArray(OperationCall call)
        => call.FindSizes("rawArray") is { } sizes
            ? ShapeOperations.Reshape(
                call, call.Cast(call.Ints(sizes), ElementType.Int64, call.Type), [sizes[0].Fixed(sizes.Count)],
                call.Results[0].Shape)
            : throw new NotSupportedException(
                "It makes a tensor from numbers that vary with the sizes of inputs. Compute them with tensors.");

    private static GraphValue OneHot(OperationCall call)
    {
        var classes = call.Int("num_classes", -1);
        if (classes < 0)
        {
            throw new NotSupportedException(
                "The number of classes would depend on data. Give 'num_classes'.");
        }

        var numbers = call.Ints([.. Enumerable.Range(0, (int)classes).Select(at => (long)at)]);
        return call.Cast(
            call.Node("Equal", [call.Node("Unsqueeze", [
                call.Cast(call.Subject(), ElementType.Int64), call.Ints(-1)]), numbers]),
            ElementType.Bool, call.Type);
    }
}
