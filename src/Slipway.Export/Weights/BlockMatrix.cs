using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Weights as codes of few bits, with a scale and a zero point for each block.</summary>
/// <param name="name">The tensor's name.</param>
/// <param name="codes">uint8 [rows, blocks, blockSize·bits/8].</param>
/// <param name="scales">float [rows, blocks].</param>
/// <param name="zeroPoints">uint8 [rows, blocks·bits/8 rounded up].</param>
/// <param name="rows">Rows.</param>
/// <param name="columns">Columns.</param>
/// <param name="bits">4 or 8.</param>
/// <param name="blockSize">Weights that share a scale.</param>
/// <param name="roundsActivations">Whether inputs are rounded to 8 bits, which is faster.</param>
internal sealed class BlockMatrix(
    string name, Initializer codes, GraphValue scales, GraphValue zeroPoints, int rows, int columns, int bits,
    int blockSize, bool roundsActivations) : GraphWeight
{
    /// <summary>
    /// int64 [columns]: which input each column multiplies; null where that is the one of its own place.
    /// </summary>
    public GraphValue? InputOrder { get; init; }

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias) =>
        scope.MatMulNBits(
            InputOrder is { } order
                ? scope.Gather(x, order, -1)
                    : x, new GraphValue(codes.Name), scales, zeroPoints, bias, rows, columns, bits, blockSize,
            roundsActivations);

    public override GraphValue Gather(NodeScope scope, GraphValue indices)
    {
        // The same bytes under the shape that this operator asks for.
        Initializer table = new($"{name}.table", ElementType.UInt8, [rows, (long)columns * bits / 8], codes.Data);
        scope.Graph.AddInitializer(table);
        return scope.GatherBlockQuantized(
            new GraphValue(table.Name), indices, scales, zeroPoints, bits, blockSize);
    }
}
