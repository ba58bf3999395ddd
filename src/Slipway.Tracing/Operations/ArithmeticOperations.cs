using Slipway.Onnx;
using static Slipway.Tracing.Operations.ElementwiseOperations;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Functions of two tensors, or of a tensor and a number, element by element.</summary>
internal static class ArithmeticOperations
{
    private const string Self = "this";

    private static readonly string[] Others =
        ["target", "scalar", "other", "exponent", "y", "max", "min", "end", "vec2"];

    public static IEnumerable<Operation> All =>
    [
        Row("Tensor.add", call => Sum(call, "Add")),
        Row("Tensor.sub", call => Sum(call, "Sub")),
        Row("Tensor.mul", call => call.Type == ElementType.Bool
            ? Binary(call, "And") : Binary(call, "Mul")),
        Row("Tensor.div", Divide),
        .. Same(["Tensor.true_divide"], call => Binary(call, "Div")),
        Row("Tensor.floor_divide", call => Quotient(call, "floor")),
        Row("Tensor.pow", call => Binary(call, "Pow")),
        Row("Tensor.float_power", call => Binary(call, "Pow")),
        Row("Tensor.remainder", Remainder),
        Row("Tensor.fmod", call => call.Node(
            "Mod", [Left(call, call.Type), Right(call, call.Type)], new NodeAttribute.Int("fmod", 1))),
        .. SameSeveral(["Tensor.max", "Tensor.maximum", "Tensor.fmax"], call => call.Has("other")
            ? [Extreme(call, "Max")] : ReductionOperations.ExtremeWithPosition(call, "ReduceMax", "ArgMax")),
        .. SameSeveral(["Tensor.min", "Tensor.minimum", "Tensor.fmin"], call => call.Has("other")
            ? [Extreme(call, "Min")] : ReductionOperations.ExtremeWithPosition(call, "ReduceMin", "ArgMin")),
        Row("Tensor.clamp", Clamp),
        Row("Tensor.clamp_max", Clamp),
        Row("Tensor.clamp_min", Clamp),
        Row("Tensor.atan2", Atan2),
        Row("Tensor.hypot", call => call.Node("Sqrt", [call.Node("Add", [
            Square(call, Left(call, call.Type)), Square(call, Right(call, call.Type))])])),
        Row("Tensor.logaddexp", LogAddExp),
        Row("Tensor.xlogy", XLogY),
        Row("Tensor.copysign", CopySign),
        Row("Tensor.heaviside", Heaviside),
        Row("Tensor.lerp", Lerp),
        Row("Tensor.addcmul", call => Added(call, "Mul")),
        Row("Tensor.addcdiv", call => Added(call, "Div")),
        Row("Tensor.eq", call => Compare(call, "Equal")),
        Row("Tensor.ne", call => call.Node("Not", [Compare(call, "Equal")])),
        Row("Tensor.lt", call => Compare(call, "Less")),
        Row("Tensor.le", call => Compare(call, "LessOrEqual")),
        Row("Tensor.gt", call => Compare(call, "Greater")),
        Row("Tensor.ge", call => Compare(call, "GreaterOrEqual")),
        Row("Tensor.isclose", IsClose),
        Row("Tensor.logical_and", call => Logical(call, "And")),
        Row("Tensor.logical_or", call => Logical(call, "Or")),
        Row("Tensor.logical_xor", call => Logical(call, "Xor")),
        Row("Tensor.bitwise_and", call => Bitwise(call, "And")),
        Row("Tensor.bitwise_or", call => Bitwise(call, "Or")),
        Row("Tensor.bitwise_xor", call => Bitwise(call, "Xor")),
        Row("Tensor.bitwise_left_shift", call => Shift(call, "Mul")),
        Row("Tensor.bitwise_right_shift", call => Shift(call, "Div")),
        Row("Tensor.where", call => call.Node("Where", [
            call.Cast(call.Tensor("condition"), ElementType.Bool), Left(call, call.Type),
            call.Operand("y", call.Type)])),
        Row("Tensor.masked_fill", call => call.Node("Where", [
            call.Cast(call.Tensor("mask"), ElementType.Bool), call.Scalar("value", call.Type), Left(call, call.Type)])),
    ];

    private static GraphValue Left(OperationCall call, ElementType type) => call.Operand(Self, type);

    private static GraphValue Right(OperationCall call, ElementType type) => call.Operand(OtherName(call), type);

    private static string OtherName(OperationCall call) => Array.Find(Others, call.Has)
        ?? throw new NotSupportedException($"The second operand of '{call.Name}' is missing.");

    private static GraphValue Binary(OperationCall call, string operation)
        => call.Node(operation, [Left(call, call.Type), Right(call, call.Type)]);

    private static GraphValue Square(OperationCall call, GraphValue x) => call.Node("Mul", [x, x]);

    private static GraphValue Sum(OperationCall call, string operation)
    {
        if (call.Type == ElementType.Bool)
        {
            return Binary(call, "Or");
        }

        var right = Right(call, call.Type);
        return call.Node(operation, [
            Left(call, call.Type),
            call.Has("alpha") && !call.Number("alpha").Equals(1.0)
                ? Scaled(call, right, call.Number("alpha")) : right]);
    }

    private static GraphValue Divide(OperationCall call)
        => call.Text("rounding_mode") is { } mode && mode is "floor" or "trunc"
            ? Quotient(call, mode) : Binary(call, "Div");

    private static GraphValue Quotient(OperationCall call, string mode)
    {
        var (a, b) = (Left(call, call.Type), Right(call, call.Type));
        var quotient = call.Node("Div", [a, b]);
        if (ElementTypes.IsReal(call.Type))
        {
            return mode == "floor" ? call.Node("Floor", [quotient]) : Truncate(call, quotient);
        }

        if (mode != "floor")
        {
            return quotient;
        }

        // Integers are divided towards zero; one less where a rest has the other sign.
        var rest = call.Node("Sub", [a, call.Node("Mul", [quotient, b])]);
        var zero = Number(call, 0);
        var isSplit = call.Node("And", [
            call.Node("Not", [call.Node("Equal", [rest, zero])]),
            call.Node("Xor", [call.Node("Less", [rest, zero]), call.Node("Less", [b, zero])])]);
        return call.Node("Sub", [quotient, call.Cast(isSplit, ElementType.Bool, call.Type)]);
    }

    // The rest has the divisor's sign.
    private static GraphValue Remainder(OperationCall call)
    {
        var (a, b) = (Left(call, call.Type), Right(call, call.Type));
        return ElementTypes.IsReal(call.Type)
            ? call.Node("Sub", [
                a, call.Node("Mul", [call.Node("Floor", [call.Node("Div", [a, b])]), b])])
            : call.Node("Mod", [a, b]);
    }

    private static GraphValue Extreme(OperationCall call, string operation) => call.Type == ElementType.Bool
        ? Binary(call, operation == "Max" ? "Or" : "And") : Binary(call, operation);

    private static GraphValue Clamp(OperationCall call)
    {
        var result = Left(call, call.Type);
        foreach (var (name, operation) in new[] { ("min", "Max"), ("max", "Min") })
        {
            if (call.Has(name))
            {
                result = call.Node(operation, [result, call.Operand(name, call.Type)]);
            }
        }

        return result;
    }

    // atan(y / x) in the right half, ± π in the left one
    private static GraphValue Atan2(OperationCall call)
    {
        var (y, x) = (Left(call, call.Type), Right(call, call.Type));
        var zero = Number(call, 0);
        var isZero = call.Node("Equal", [x, zero]);
        var angle = Single(call, "Atan", call.Node("Div", [
            y, call.Node("Where", [isZero, Number(call, 1), x])]));
        var turn = call.Node("Where", [
            call.Node("Less", [y, zero]), Number(call, -Math.PI), Number(call, Math.PI)]);
        angle = call.Node("Where", [call.Node("Less", [x, zero]), call.Node("Add", [angle, turn]), angle]);
        return call.Node("Where", [isZero, Scaled(call, call.Node("Sign", [y]), Math.PI / 2), angle]);
    }

    private static GraphValue LogAddExp(OperationCall call)
    {
        var (a, b) = (Left(call, call.Type), Right(call, call.Type));
        var distance = call.Node("Neg", [call.Node("Abs", [call.Node("Sub", [a, b])])]);
        var rest = call.Node("Log", [call.Node("Add", [call.Node("Exp", [distance]), Number(call, 1)])]);
        return call.Node("Add", [call.Node("Max", [a, b]), rest]);
    }

    private static GraphValue XLogY(OperationCall call)
    {
        var (x, y) = (Left(call, call.Type), Right(call, call.Type));
        var isZero = call.Node("Equal", [x, Number(call, 0)]);
        var result = call.Node("Mul", [x, call.Node("Log", [y])]);
        return call.Node("Where", [call.Node("And", [
            isZero, call.Node("Not", [call.Node("IsNaN", [y])])]), Number(call, 0), result]);
    }

    private static GraphValue CopySign(OperationCall call)
    {
        var (a, b) = (call.Node("Abs", [Left(call, call.Type)]), Right(call, call.Type));
        return call.Node("Where", [IsNegative(call, b, call.Type), call.Node("Neg", [a]), a]);
    }

    private static GraphValue Heaviside(OperationCall call)
    {
        var x = Left(call, call.Type);
        var step = call.Cast(call.Node("Greater", [x, Number(call, 0)]), ElementType.Bool, call.Type);
        return call.Node("Where", [call.Node("Equal", [x, Number(call, 0)]), Right(call, call.Type), step]);
    }

    private static GraphValue Lerp(OperationCall call)
    {
        var (a, b) = (Left(call, call.Type), call.Operand("end", call.Type));
        return call.Node("Add", [
            a, call.Node("Mul", [call.Operand("weight", call.Type), call.Node("Sub", [b, a])])]);
    }

    private static GraphValue Added(OperationCall call, string operation)
    {
        var product = call.Node(operation, [
            call.Operand("tensor1", call.Type), call.Operand("tensor2", call.Type)]);
        return call.Node("Add", [
            Left(call, call.Type), call.Has("value") && !call.Number("value").Equals(1.0)
                ? Scaled(call, product, call.Number("value")) : product]);
    }

    private static GraphValue Compare(OperationCall call, string operation)
    {
        var type = Promotion.Of(call, Self, OtherName(call));
        if (type == ElementType.Bool && operation != "Equal")
        {
            type = ElementType.Int32;
        }

        var result = call.Node(operation, [Left(call, type), Right(call, type)]);
        return result;
    }

    // |a − b| ≤ atol + rtol · |b|, or equal
    private static GraphValue IsClose(OperationCall call)
    {
        var type = Promotion.Of(call, Self, OtherName(call)) is var common && ElementTypes.IsReal(common)
            ? common : ElementType.Float64;
        var (a, b) = (Left(call, type), Right(call, type));
        var bound = call.Node("Add", [
            call.Constant(call.Number("atol", 1e-8), type),
            call.Node("Mul", [call.Constant(call.Number("rtol", 1e-5), type), call.Node("Abs", [b])])]);
        var near = call.Node("And", [
            call.Node("LessOrEqual", [call.Node("Abs", [call.Node("Sub", [a, b])]), bound]),
            call.Node("Not", [call.Node("IsInf", [b])])]);
        var result = call.Node("Or", [call.Node("Equal", [a, b]), near]);
        return call.Flag("nanEqual")
            ? call.Node("Or", [result, call.Node("And", [call.Node("IsNaN", [a]), call.Node("IsNaN", [b])])])
            : result;
    }

    private static GraphValue Logical(OperationCall call, string operation)
        => call.Node(operation, [Left(call, ElementType.Bool), Right(call, ElementType.Bool)]);

    private static GraphValue Bitwise(OperationCall call, string operation)
        => Binary(call, call.Type == ElementType.Bool ? operation : $"Bitwise{operation}");

    // A shift by n bits multiplies by 2ⁿ, or divides and rounds down.
    private static GraphValue Shift(OperationCall call, string operation)
    {
        var factor = call.Node("Cast", [
            call.Node("Pow", [
                call.Constant(2, ElementType.Float64), Right(call, ElementType.Float64)])],
            new NodeAttribute.Int("to", (long)call.Type));
        var x = Left(call, call.Type);
        return operation == "Mul" ? call.Node("Mul", [x, factor])
            : call.Node("Div", [call.Node("Sub", [x, call.Node("Mod", [x, factor])]), factor]);
    }
}
