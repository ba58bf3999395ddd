using Slipway.Onnx;
using static Slipway.Tracing.Operations.Rows;

namespace Slipway.Tracing.Operations;

/// <summary>Functions of one tensor, element by element.</summary>
internal static class ElementwiseOperations
{
    private static readonly Dictionary<string, string> Named = new(StringComparer.Ordinal)
    {
        ["abs"] = "Abs", ["neg"] = "Neg", ["exp"] = "Exp", ["log"] = "Log", ["sqrt"] = "Sqrt", ["sin"] = "Sin",
        ["cos"] = "Cos", ["tan"] = "Tan", ["asin"] = "Asin", ["acos"] = "Acos", ["atan"] = "Atan", ["sinh"] = "Sinh",
        ["cosh"] = "Cosh", ["arcsinh"] = "Asinh", ["arccosh"] = "Acosh", ["arctanh"] = "Atanh", ["tanh"] = "Tanh",
        ["sigmoid"] = "Sigmoid", ["reciprocal"] = "Reciprocal", ["erf"] = "Erf",
        ["sign"] = "Sign", ["sgn"] = "Sign", ["floor"] = "Floor", ["ceil"] = "Ceil", ["selu"] = "Selu",
        ["hardswish"] = "HardSwish",
    };

    // ONNX Runtime computes these in single precision only.
    private static readonly HashSet<string> SingleOnly = new(StringComparer.Ordinal)
    {
        "Erf", "Selu", "HardSwish", "Asinh", "Acosh", "Atanh", "Sinh", "Cosh", "Asin", "Acos", "Tan", "Atan",
        "LeakyRelu", "Elu", "Celu", "Softplus", "HardSigmoid", "Gelu", "PRelu", "ThresholdedRelu", "Softsign",
    };

    private static readonly HashSet<string> ExactForIntegers = new(StringComparer.Ordinal)
    {
        "floor", "ceil", "trunc", "round",
    };

    public static IEnumerable<Operation> All =>
    [
        .. Named.Select(pair => Row($"Tensor.{pair.Key}", call => Named1(call, pair.Key, pair.Value))),
        Row("special.erf", call => Function(call, "Erf")),
        Row("special.expit", call => Function(call, "Sigmoid")),
        .. Same(["Tensor.positive"], call => call.Subject().Value),
        Row("Tensor.rsqrt", call => call.Node("Reciprocal", [Function(call, "Sqrt")])),
        .. Same(["Tensor.exp2", "special.exp2"], call => call.Node("Pow", [Number(call, 2), Subject(call)])),
        .. Same(["Tensor.expm1", "special.expm1"], call => call.Node("Sub", [Function(call, "Exp"), Number(call, 1)])),
        Row("Tensor.log1p", call => call.Node("Log", [call.Node("Add", [Subject(call), Number(call, 1)])])),
        Row("Tensor.log2", call => Scaled(call, Function(call, "Log"), 1 / Math.Log(2))),
        Row("Tensor.log10", call => Scaled(call, Function(call, "Log"), 1 / Math.Log(10))),
        Row("Tensor.deg2rad", call => Scaled(call, Subject(call), Math.PI / 180)),
        Row("Tensor.rad2deg", call => Scaled(call, Subject(call), 180 / Math.PI)),
        .. Same(["Tensor.erfc", "special.erfc"], call => call.Node("Sub", [Number(call, 1), Function(call, "Erf")])),
        .. Same(["Tensor.sinc", "special.sinc"], Sinc),
        .. Same(["Tensor.logit", "special.logit"], Logit),
        Row("special.entr", Entropy),
        Row("special.ndtr", call => Scaled(call, call.Node("Add", [Number(call, 1), Single(
            call, "Erf", Scaled(call, Subject(call), Math.Sqrt(0.5)))]), 0.5)),
        Row("Tensor.round", Round),
        Row("Tensor.trunc", call => IsInteger(call) ? call.Subject().Value : Truncate(call, Subject(call))),
        Row("Tensor.frac", call => call.Node("Sub", [Subject(call), Truncate(call, Subject(call))])),
        Row("Tensor.isnan", call => IsInteger(call) ? Never(call) : call.Node("IsNaN", [Real(call)])),
        Row("Tensor.isinf", call => IsInteger(call) ? Never(call) : call.Node("IsInf", [Real(call)])),
        Row("Tensor.isposinf", call => IsInteger(call) ? Never(call) : call.Node(
            "IsInf", [Real(call)], new NodeAttribute.Int("detect_negative", 0))),
        Row("Tensor.isneginf", call => IsInteger(call) ? Never(call) : call.Node(
            "IsInf", [Real(call)], new NodeAttribute.Int("detect_positive", 0))),
        Row("Tensor.isfinite", call => IsInteger(call) ? call.Node("Not", [Never(call)]) : call.Node("Not", [
            call.Node("Or", [call.Node("IsNaN", [Real(call)]), call.Node("IsInf", [Real(call)])])])),
        Row("Tensor.relu", call => IsInteger(call)
            ? call.Node("Max", [Subject(call), Number(call, 0)]) : Function(call, "Relu")),
        Row("Tensor.signbit", call => IsNegative(call, call.Subject().Value, call.Subject().Type)),
        Row("Tensor.nan_to_num", NanToNum),
        Row("Tensor.logical_not", call => call.Node("Not", [call.Cast(call.Subject(), ElementType.Bool)])),
        Row("Tensor.bitwise_not", call => call.Node(
            call.Type == ElementType.Bool ? "Not" : "BitwiseNot", [call.Subject().Value])),
    ];

    /// <summary>Tells whether a number has a sign; that of zero counts, since 1 / −0 is −∞.</summary>
    public static GraphValue IsNegative(OperationCall call, GraphValue value, ElementType type)
    {
        var zero = call.Constant(0, type);
        return call.Node("Less", [
            ElementTypes.IsReal(type)
                ? call.Node("Where", [call.Node("Equal", [value, zero]), call.Node("Reciprocal", [value]), value])
                : value,
            zero]);
    }

    /// <summary>The subject in the type of the result.</summary>
    public static GraphValue Subject(OperationCall call) => call.Cast(call.Subject(), call.Type);

    /// <summary>A number in the type of the result.</summary>
    public static GraphValue Number(OperationCall call, double value) => call.Constant(value, call.Type);

    /// <summary>A function of the subject that ONNX has.</summary>
    public static GraphValue Function(
        OperationCall call, string operation, params IReadOnlyList<NodeAttribute> attributes)
        => Single(call, operation, Subject(call), attributes);

    /// <summary>A function that is computed in single precision where ONNX Runtime has no other.</summary>
    public static GraphValue Single(
        OperationCall call, string operation, GraphValue x, params IReadOnlyList<NodeAttribute> attributes)
        => call.Type == ElementType.Float64 && SingleOnly.Contains(operation)
            ? call.Cast(
                call.Node(operation, [call.Cast(x, call.Type, ElementType.Float32)], attributes),
                ElementType.Float32, call.Type)
            : call.Node(operation, [x], attributes);

    /// <summary>The integer part.</summary>
    public static GraphValue Truncate(OperationCall call, GraphValue x)
        => call.Node("Mul", [call.Node("Sign", [x]), call.Node("Floor", [call.Node("Abs", [x])])]);

    /// <summary>x · factor.</summary>
    public static GraphValue Scaled(OperationCall call, GraphValue x, double factor)
        => call.Node("Mul", [x, Number(call, factor)]);

    private static GraphValue Named1(OperationCall call, string name, string operation)
        => ExactForIntegers.Contains(name) && IsInteger(call) ? call.Subject().Value : Function(call, operation);

    private static bool IsInteger(OperationCall call) => !ElementTypes.IsReal(call.Subject().Type);

    private static GraphValue Real(OperationCall call) => call.Subject().Value;

    private static GraphValue Never(OperationCall call)
        => call.Node("Not", [call.Node("Equal", [call.Subject().Value, call.Subject().Value])]);

    private static GraphValue Round(OperationCall call)
    {
        if (IsInteger(call))
        {
            return call.Subject().Value;
        }

        var scale = Math.Pow(10, call.Int("decimals", 0));
        return scale.Equals(1.0)
            ? Function(call, "Round")
            : Scaled(call, call.Node("Round", [Scaled(call, Subject(call), scale)]), 1 / scale);
    }

    // sin(πx) / πx, 1 at 0
    private static GraphValue Sinc(OperationCall call)
    {
        var x = Scaled(call, Subject(call), Math.PI);
        var isZero = call.Node("Equal", [x, Number(call, 0)]);
        var divisor = call.Node("Where", [isZero, Number(call, 1), x]);
        return call.Node("Where", [
            isZero, Number(call, 1), call.Node("Div", [call.Node("Sin", [x]), divisor])]);
    }

    private static GraphValue Logit(OperationCall call)
    {
        var x = Subject(call);
        if (call.Has("eps"))
        {
            var epsilon = call.Number("eps");
            x = call.Node("Clip", [x, Number(call, epsilon), Number(call, 1 - epsilon)]);
        }

        return call.Node("Log", [call.Node("Div", [x, call.Node("Sub", [Number(call, 1), x])])]);
    }

    // −x ln x for x > 0, 0 at 0, −∞ below
    private static GraphValue Entropy(OperationCall call)
    {
        var x = Subject(call);
        var inner = call.Node("Neg", [call.Node("Mul", [x, call.Node("Log", [x])])]);
        var isZero = call.Node("Equal", [x, Number(call, 0)]);
        var isNegative = call.Node("Less", [x, Number(call, 0)]);
        return call.Node("Where", [
            isZero, Number(call, 0),
            call.Node("Where", [isNegative, Number(call, double.NegativeInfinity), inner])]);
    }

    private static GraphValue NanToNum(OperationCall call)
    {
        if (IsInteger(call))
        {
            return call.Subject().Value;
        }

        var largest = call.Type switch
        {
            ElementType.Float64 => double.MaxValue,
            ElementType.Float16 => (double)Half.MaxValue,
            ElementType.BFloat16 => 3.3895313892515355e38,
            _ => float.MaxValue,
        };
        var x = Subject(call);
        var low = call.Node("IsInf", [x], new NodeAttribute.Int("detect_positive", 0));
        var high = call.Node("IsInf", [x], new NodeAttribute.Int("detect_negative", 0));
        var result = call.Node("Where", [call.Node("IsNaN", [x]), Number(call, call.Number("nan", 0)), x]);
        result = call.Node("Where", [high, Number(call, call.Number("posinf", largest)), result]);
        return call.Node("Where", [low, Number(call, call.Number("neginf", -largest)), result]);
    }
}
