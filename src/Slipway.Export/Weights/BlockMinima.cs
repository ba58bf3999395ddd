using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Weights;

/// <summary>Adds to a product of codes what the minima of their blocks come to.</summary>
/// <remarks>
/// <code>
/// x ─┬─ MatMulNBits (zero points in the middle) ───────────────────────────┬─ Add
///    └─ Reshape [rows, blocks, size] ─ ReduceSum ─ · (minima + middle·scales)ᵀ ┘
/// </code>
/// A weight code · scale + minimum is (code − middle) · scale + (minimum + middle · scale). The operator has zero
/// points that are no integers, but no fast kernel for them. Sums of constants are computed once, when a session opens,
/// and Slipway's kernel reads minima itself (<see cref="Passes.FoldMinima"/>).
/// </remarks>
internal static class BlockMinima
{
    /// <summary>Adds to a product […, outputs].</summary>
    /// <param name="scope">Where the nodes go.</param>
    /// <param name="product">The product with zero points in the middle.</param>
    /// <param name="x">What was multiplied, […, blocks · block size].</param>
    /// <param name="grid">Both float [outputs, blocks].</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="blocks">Blocks of a row.</param>
    /// <param name="blockSize">Weights of a block.</param>
    public static GraphValue AddTo(
        NodeScope scope, GraphValue product, GraphValue x, (GraphValue Scales, GraphValue Minima) grid, int bits,
        int blocks, int blockSize)
    {
        var sums = scope.ReduceSum(scope.Reshape(x, -1, blocks, blockSize), false, 2);
        var rest = scope.LinearMatMul(sums, Offsets(scope, grid.Scales, grid.Minima, bits));
        return scope.Add(product, scope.Reshape(rest, scope.Shape(product)));
    }

    /// <summary>Adds to rows of a table, […, blocks · block size].</summary>
    /// <param name="scope">Where the nodes go.</param>
    /// <param name="rows">The rows with zero points in the middle.</param>
    /// <param name="indices">[…].</param>
    /// <param name="grid">Both float [table rows, blocks].</param>
    /// <param name="bits">Bits of a code.</param>
    /// <param name="blocks">Blocks of a row.</param>
    /// <param name="blockSize">Weights of a block.</param>
    public static GraphValue AddToRows(
        NodeScope scope, GraphValue rows, GraphValue indices, (GraphValue Scales, GraphValue Minima) grid, int bits,
        int blocks, int blockSize)
    {
        var offsets = Offsets(scope, scope.Gather(grid.Scales, indices), scope.Gather(grid.Minima, indices), bits);
        var sum = scope.Add(scope.Reshape(rows, -1, blocks, blockSize), scope.Reshape(offsets, -1, blocks, 1));
        return scope.Reshape(sum, scope.Shape(rows));
    }

    private static GraphValue Offsets(NodeScope scope, GraphValue scales, GraphValue minima, int bits) =>
        scope.Add(minima, scope.Mul(scales, scope.Float(1 << (bits - 1))));
}
