using Slipway.Export.Quantization.Graphs;
using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export.Quantization.Rotation;

/// <summary>Writes the constants of a float graph rotated, so that it can be run before it is quantized.</summary>
internal static class RotatedPackage
{
    /// <summary>Writes them.</summary>
    /// <param name="graph">The float graph.</param>
    /// <param name="folder">The folder that its constants stand in.</param>
    /// <param name="package">The package that gets the rotated ones.</param>
    /// <param name="dataFile">Their file.</param>
    /// <param name="source">Where the weights come from, for messages.</param>
    /// <param name="rules">How matrices are to be stored.</param>
    /// <param name="cancellationToken">Stops the work.</param>
    /// <returns>The rotated graph, and the rules with one more: a matrix before a tied head stays as it is.</returns>
    /// <exception cref="NotSupportedException">The model cannot be rotated.</exception>
    public static (Graph Graph, IReadOnlyList<RecipeRule> Rules) Write(
        Graph graph, string folder, PackageWriter package, string dataFile, string source,
        IReadOnlyList<RecipeRule> rules, CancellationToken cancellationToken)
    {
        using GraphTensors tensors = new(folder);
        var rotated = ResidualRotation.Apply(graph, tensors);
        using ExternalDataWriter data = new(package.Create(dataFile), dataFile);
        WeightWriter writer = new(
            new Graph(graph.Name), data, source, 1, _ => false, progress: null, cancellationToken);
        var added = rotated.Initializers.FirstOrDefault(constant => graph.FindInitializer(constant.Name) is null);
        return (
            QuantizedGraph.Write(rotated, tensors, [], _ => MatrixInputs.None, writer, exactActivations: false),
            added is null ? rules : [new RecipeRule(added.Name, new MatrixFormat(Precision.Float32)), .. rules]);
    }
}
