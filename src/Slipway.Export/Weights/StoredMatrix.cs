using Slipway.Onnx;

namespace Slipway.Export.Weights;

/// <summary>A matrix of weights [rows, columns] that stands in the package.</summary>
internal abstract class StoredMatrix
{
    /// <summary>x · weightᵀ (+ bias), […, columns] → […, rows].</summary>
    /// <param name="scope">Where nodes go.</param>
    /// <param name="x">[…, columns].</param>
    /// <param name="bias">[rows], or default for none.</param>
    public abstract GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias);

    /// <summary>The rows at indices, […] → […, columns].</summary>
    public abstract GraphValue Gather(NodeScope scope, GraphValue indices);

    /// <summary>The same weights in another graph of the package, which reads the same bytes.</summary>
    /// <param name="from">The graph that has them.</param>
    /// <param name="to">The graph that is to have them too.</param>
    public abstract StoredMatrix Share(Graph from, Graph to);

    /// <summary>Adds constants of one graph to another.</summary>
    protected static void Share(Graph from, Graph to, params IReadOnlyList<GraphValue> constants)
    {
        foreach (GraphValue constant in constants.Where(constant => constant != default))
        {
            to.AddInitializer(from.FindInitializer(constant.Name)!);
        }
    }
}
