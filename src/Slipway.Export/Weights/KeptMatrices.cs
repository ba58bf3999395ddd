using Slipway.Export.Quantization.Graphs;

namespace Slipway.Export.Weights;

/// <summary>Matrices that stay as the checkpoint holds them, where rules of a recipe choose others anew.</summary>
/// <param name="formats">The formats of a package whose codes are kept.</param>
/// <param name="weights">The checkpoint's matrices by their names in the float graph.</param>
internal sealed class KeptMatrices(WeightFormats formats, IReadOnlyDictionary<string, Weight> weights)
{
    /// <summary>Tells whether a matrix of the graph is one of the checkpoint's.</summary>
    public bool Has(GraphMatrix matrix) => weights.TryGetValue(matrix.Name, out var weight)
        && (weight.Rows, weight.Columns) == (matrix.Rows, matrix.Columns);

    /// <summary>Writes a matrix.</summary>
    public GraphWeight Write(WeightWriter writer, GraphMatrix matrix)
    {
        var format = matrix.Lookups.Count == 0 || formats.Matrices.CanGather(matrix.Columns)
            ? formats.Matrices : formats.Tables;
        return format.Write(writer, matrix.Name, weights[matrix.Name]);
    }

    /// <summary>Writes one of the stacks of a mixture of experts.</summary>
    public GraphStack WriteStack(WeightWriter writer, GraphMatrix matrix, IReadOnlyList<GraphMatrix> mixture) =>
        formats.Matrices.ForStacks([.. mixture.Select(stack => weights[stack.Name])])
            .WriteStack(writer, matrix.Name, weights[matrix.Name], matrix.Count);
}
