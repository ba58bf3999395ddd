using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>Matrices of the same shape that stand in the package as one constant.</summary>
internal abstract record StoredStack;

/// <summary>A stack of float matrices.</summary>
/// <param name="Weight">float [count, rows, columns].</param>
internal sealed record FloatStack(GraphValue Weight) : StoredStack;

/// <summary>A stack of few-bit codes.</summary>
/// <param name="Codes">uint8 [count, rows, columns·bits/8].</param>
/// <param name="Scales">float [count, rows, blocks].</param>
/// <param name="ZeroPoints">uint8 [count, rows, blocks·bits/8 rounded up].</param>
/// <param name="Bits">4 or 8.</param>
/// <param name="BlockSize">Weights that share a scale.</param>
internal sealed record BlockStack(GraphValue Codes, GraphValue Scales, GraphValue ZeroPoints, int Bits, int BlockSize)
    : StoredStack;
