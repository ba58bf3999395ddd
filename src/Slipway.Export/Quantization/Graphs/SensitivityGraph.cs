using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Measures what the model loses where one matrix is rounded to nearest and all others stay.</summary>
/// <remarks>
/// The graph has the matrices as inputs with themselves as defaults, so that a run can replace one, and gives logits
/// alone.
/// </remarks>
internal static class SensitivityGraph
{
    public const string Logits = "logits";

    private const int RowsAtOnce = 1024;

    /// <summary>Tells whether a graph has logits of each token, by which losses are measured.</summary>
    public static bool HasLogits(Graph graph) =>
        graph.Outputs.Any(port => port.Name == Logits && port.Shape.Count == 3);

    /// <summary>Makes the run that measures some matrices of a graph.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="folder">The package folder that its constants stand in.</param>
    /// <param name="planned">The matrices, in blocks of codes.</param>
    /// <param name="tensors">Their elements.</param>
    /// <param name="source">The checkpoint or package that the model was made from.</param>
    /// <param name="progress">Told what is done; null for nobody.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    public static DivergenceRun Make(
        Graph graph, string folder, IReadOnlyList<PlannedMatrix> planned, GraphTensors tensors, string source,
        IProgress<CalibrationProgress>? progress, CancellationToken cancellationToken)
    {
        using MemoryStream file = new();
        OnnxFile.Write(new OnnxModel(WithInputs(graph, [.. planned.Select(one => one.Matrix.Name)])), file);
        return new DivergenceRun(
            folder, file.ToArray(), [.. planned.Select(one => one.Matrix.Name)],
            (index, values) => Round(planned[index], tensors, values, cancellationToken), source, progress);
    }

    private static Graph WithInputs(Graph graph, HashSet<string> names)
    {
        var pruned = GraphCopy.Prune(graph, port => port.Name == Logits);
        Graph result = new(graph.Name);
        GraphCopy.AddInputs(result, pruned, pruned.Inputs);

        foreach (var constant in pruned.Initializers.Where(one => result.FindInitializer(one.Name) is null))
        {
            if (names.Contains(constant.Name))
            {
                result.AddOptionalInput(constant);
            }
            else
            {
                result.AddInitializer(constant);
            }
        }

        foreach (var node in pruned.Nodes)
        {
            result.AddNode(node);
        }

        foreach (var port in pruned.Outputs)
        {
            result.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return result;
    }

    // Fills in the constant's elements in the order in which it holds them.
    private static void Round(
        PlannedMatrix planned, GraphTensors tensors, Span<float> values, CancellationToken cancellationToken)
    {
        var (matrix, format) = (planned.Matrix, planned.Format);
        var weight = matrix.Open(tensors);
        var columns = matrix.Columns;
        var rows = new float[Math.Min(matrix.Rows, RowsAtOnce) * columns];
        for (var first = 0; first < matrix.Rows; first += RowsAtOnce)
        {
            var count = Math.Min(RowsAtOnce, matrix.Rows - first);
            weight.ReadRows(first, count, rows);
            var rounded = WeightQuantizer.Quantize(
                rows.AsMemory(0, count * columns), count, columns, format.BitsOf()!.Value, format.BlockSize!.Value,
                QuantizationMethods.Probe, cancellationToken: cancellationToken);
            for (var row = 0; row < count; row++)
            {
                var target = matrix.IsTransposed
                    ? rows.AsSpan(0, columns) : values.Slice((first + row) * columns, columns);
                rounded.Dequantize(row, target);
                for (var column = 0; matrix.IsTransposed && column < columns; column++)
                {
                    values[(column * matrix.Rows) + first + row] = target[column];
                }
            }
        }
    }
}
