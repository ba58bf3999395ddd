using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Weights in single or half precision; the latter are widened before they are used.</summary>
internal sealed class FloatMatrix(GraphValue weight, ElementType type) : GraphWeight
{
    private GraphValue? _widened;

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        // The cast of a constant is computed once, when the session is made.
        _widened ??= type == ElementType.Float32 ? weight : scope.Cast(weight, ElementType.Float32);
        var product = scope.LinearMatMul(x, _widened.Value);
        return bias == default ? product : scope.Add(product, bias);
    }

    public override GraphValue Gather(NodeScope scope, GraphValue indices)
    {
        var rows = scope.Gather(weight, indices);
        return type == ElementType.Float32 ? rows : scope.Cast(rows, ElementType.Float32);
    }
}
