using Slipway.Onnx;

namespace Slipway.Tracing.Operations;

/// <summary>Finds the type that operands have in common, by torch's rules.</summary>
/// <remarks>
/// A tensor with axes outranks one without, and that a number, unless the lower one's kind (truth value, integer, real)
/// is higher. Source: PyTorch's documentation of type promotion.
/// </remarks>
internal static class Promotion
{
    /// <summary>The common type of two operands, each a tensor or a number.</summary>
    public static ElementType Of(OperationCall call, string left, string right)
    {
        List<(int Rank, ElementType Type)> operands = [Operand(call, left), Operand(call, right)];
        var result = ElementType.Undefined;
        foreach (var group in operands.GroupBy(operand => operand.Rank).OrderByDescending(group => group.Key))
        {
            var type = group.Select(operand => operand.Type).Aggregate(Common);
            result = result == ElementType.Undefined ? type
                : Kind(type) > Kind(result) ? (group.Key == 0 ? Default(type) : type) : result;
        }

        return result;
    }

    /// <summary>Adds an operand in a type.</summary>
    public static GraphValue Operand(this OperationCall call, string name, ElementType type)
        => call.FindTensor(name) is { } tensor ? call.Cast(tensor, type) : call.Scalar(name, type);

    private static (int Rank, ElementType Type) Operand(OperationCall call, string name)
        => call.FindTensor(name) is { } tensor ? (tensor.Rank > 0 ? 2 : 1, tensor.Type)
            : (0, call.Argument(name) is bool or Recording.TracedScalar { Type: TorchSharp.torch.ScalarType.Bool }
                ? ElementType.Bool : call.IsReal(name) ? ElementType.Float64 : ElementType.Int64);

    private static int Kind(ElementType type)
        => type == ElementType.Bool ? 0 : ElementTypes.IsReal(type) ? 2 : 1;

    private static ElementType Default(ElementType type)
        => ElementTypes.IsReal(type) ? ElementType.Float32 : type;

    private static ElementType Common(ElementType left, ElementType right)
    {
        if (left == right)
        {
            return left;
        }

        if (Kind(left) != Kind(right))
        {
            return Kind(left) > Kind(right) ? left : right;
        }

        ElementType[] order =
        [
            ElementType.UInt8, ElementType.Int8, ElementType.Int16, ElementType.Int32, ElementType.Int64,
            ElementType.Float16, ElementType.BFloat16, ElementType.Float32, ElementType.Float64,
        ];
        return (left, right) switch
        {
            (ElementType.UInt8, ElementType.Int8) or (ElementType.Int8, ElementType.UInt8) => ElementType.Int16,
            (ElementType.Float16, ElementType.BFloat16) or (ElementType.BFloat16, ElementType.Float16) =>
                ElementType.Float32,
            _ => Array.IndexOf(order, left) > Array.IndexOf(order, right) ? left : right,
        };
    }
}
