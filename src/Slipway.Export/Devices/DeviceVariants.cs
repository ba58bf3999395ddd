using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;

namespace Slipway.Export.Devices;

/// <summary>Adds the graph that GPUs run to a package.</summary>
internal static class DeviceVariants
{
    private const string GraphFile = "gpu.onnx";
    private const string DataFile = $"{GraphFile}.data";

    /// <summary>Tells whether a file of a package is the graph's.</summary>
    public static bool IsFile(string name) => name is GraphFile or DataFile;

    /// <summary>Requires what can be known of the graph before its weights are measured and quantized.</summary>
    /// <param name="graph">The graph, in single precision or quantized already.</param>
    /// <param name="devices">The devices.</param>
    /// <param name="quantizes">Tells of the columns of a table whether its rows will be looked up in codes.</param>
    /// <exception cref="NotSupportedException">A device has no kernels for an operator.</exception>
    public static void Require(Graph graph, IReadOnlyList<string> devices, Func<int, bool> quantizes)
    {
        var coded = GraphMatrices.Find(graph, null).Where(matrix => quantizes(matrix.Columns))
            .SelectMany(matrix => matrix.Lookups).ToHashSet();
        foreach (var device in DeviceOperators.Devices.Where(devices.Contains))
        {
            DeviceOperators.Require(
                graph.Nodes.Select(node => coded.Contains(node)
                    ? node with { Domain = OnnxModel.ContribDomain, OpType = "GatherBlockQuantized" } : node),
                device);
        }
    }

    /// <summary>Writes the graph beside the decoder's, over the same weights.</summary>
    /// <param name="graph">The decoder's graph, whose constants stand in the package already.</param>
    /// <param name="package">The package.</param>
    /// <param name="devices">The devices; <c>cpu</c> needs no graph of its own.</param>
    /// <param name="model">The graph file's head.</param>
    /// <param name="cancellationToken">Stops between two constants.</param>
    /// <returns>A variant for each device.</returns>
    /// <exception cref="NotSupportedException">A device has no kernels for an operator, or half precision cannot
    /// express a constant.</exception>
    public static IReadOnlyList<GraphVariant> Write(
        Graph graph, PackageWriter package, IReadOnlyList<string> devices, OnnxModel model,
        CancellationToken cancellationToken)
    {
        string[] gpus = [.. DeviceOperators.Devices.Where(devices.Contains)];
        if (gpus.Length == 0)
        {
            return [];
        }

        foreach (var device in gpus)
        {
            DeviceOperators.Require(graph.Nodes, device);
        }

        Graph halved;
        using (ExternalDataWriter data = new(package.Create(DataFile), DataFile))
        {
            halved = DeviceGraph.Convert(graph, package.Folder, data, cancellationToken);
        }

        using var stream = package.Create(GraphFile);
        OnnxFile.Write(model with { Graph = halved }, stream);
        return [.. gpus.Select(device => new GraphVariant(device, GraphFile, 0))];
    }
}
