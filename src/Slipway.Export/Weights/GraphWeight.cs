using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>A matrix of weights [rows, columns] that stands in the package.</summary>
internal abstract class GraphWeight
{
    /// <summary>x · weightᵀ (+ bias), […, columns] → […, rows].</summary>
    /// <param name="scope">Where nodes go.</param>
    /// <param name="x">[…, columns].</param>
    /// <param name="bias">[rows], or default for none.</param>
    public abstract GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias);

    /// <summary>The rows at indices, […] → […, columns].</summary>
    public abstract GraphValue Gather(NodeScope scope, GraphValue indices);
}

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

/// <summary>Matrices of the same shape that stand in the package as one constant.</summary>
internal abstract record GraphStack;

/// <summary>A stack of float matrices.</summary>
/// <param name="Weight">float [count, rows, columns].</param>
internal sealed record FloatStack(GraphValue Weight) : GraphStack;

/// <summary>A stack of few-bit codes.</summary>
/// <param name="Codes">uint8 [count, rows, columns·bits/8].</param>
/// <param name="Scales">float [count, rows, blocks].</param>
/// <param name="ZeroPoints">uint8 [count, rows, blocks·bits/8 rounded up].</param>
/// <param name="Bits">4 or 8.</param>
/// <param name="BlockSize">Weights that share a scale.</param>
internal sealed record BlockStack(GraphValue Codes, GraphValue Scales, GraphValue ZeroPoints, int Bits, int BlockSize)
    : GraphStack;
