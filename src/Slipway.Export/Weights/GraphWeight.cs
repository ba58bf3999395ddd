using Slipway.Onnx;

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
