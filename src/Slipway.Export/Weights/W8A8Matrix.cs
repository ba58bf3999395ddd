using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Weights of 8 bits with a scale for each output.</summary>
/// <param name="format">Rounds the inputs.</param>
/// <param name="codes">int8 [columns, rows].</param>
/// <param name="scales">float [rows].</param>
/// <param name="columns">Inputs.</param>
internal sealed class W8A8Matrix(W8A8Format format, GraphValue codes, GraphValue scales, int columns)
    : StoredMatrix
{
    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        (GraphValue inputs, GraphValue inputScales) = format.Round(scope, x, columns);
        GraphValue sums = scope.MatMulIntegerToFloat(
            inputs, codes, scope.Float(1), scales, scope.Byte(W8A8Format.ZeroPoint));
        GraphValue product = scope.Mul(sums, inputScales);
        return bias == default ? product : scope.Add(product, bias);
    }

    public override StoredMatrix Share(Graph from, Graph to) =>
        throw new InvalidOperationException("Such a matrix belongs to one graph.");

    public override GraphValue Gather(NodeScope scope, GraphValue indices) =>
        throw new InvalidOperationException("Rows of such a matrix are not looked up.");
}
