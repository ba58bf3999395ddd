using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Slipway.Checkpoints;
using Slipway.Export;
using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Packaging;
using Slipway.Packaging.Kernels;
using Slipway.Testing;

namespace Slipway.Kernels.Tests.Hostile;

/// <summary>Makes packages with a graph of kernels, and changes that graph so that the manifest still fits.</summary>
internal static class KernelPackage
{
    public const string GraphFile = "kernels.onnx";

    /// <summary>Exports a tiny model.</summary>
    public static void Export(
        string model, string folder, Precision precision, KeyValuePrecision cache)
    {
        using var checkpoint = Checkpoint.Open(SharedAssets.Path("tiny", model));
        Exporter.Export(checkpoint, folder, new ExportOptions
        {
            Precision = precision, KeyValueCache = cache, KeyValueMeasurement = Measure,
        });
    }

    /// <summary>Copies a package but for its graph of kernels.</summary>
    public static void Copy(string from, string to)
    {
        Directory.CreateDirectory(to);
        foreach (var file in Directory.EnumerateFiles(from).Where(file => Path.GetFileName(file) != GraphFile))
        {
            // Copies bytes, not permissions: a copy may be changed.
            File.WriteAllBytes(Path.Combine(to, Path.GetFileName(file)), File.ReadAllBytes(file));
        }
    }

    /// <summary>Writes a package's graph of kernels, with its hash and version in the manifest.</summary>
    public static void Write(string package, Graph graph, int version = KernelContract.Version)
    {
        var path = Path.Combine(package, GraphFile);
        File.Delete(path);
        OnnxFile.Write(
            new OnnxModel(graph)
            {
                OperatorSets = new Dictionary<string, long>(OnnxModel.DefaultOperatorSets)
                {
                    [KernelContract.Domain] = Math.Clamp(
                        version, KernelContract.MinVersion, KernelContract.Version),
                },
            },
            path);
        var manifest = Path.Combine(package, ModelPackage.ManifestFile);
        var content = JsonNode.Parse(File.ReadAllText(manifest))!.AsObject();
        content.Remove("kernel_model");
        content["variants"] = new JsonArray(new JsonObject
        {
            ["provider"] = KernelContract.Provider, ["file"] = GraphFile, ["kernel_version"] = version,
            ["capabilities"] = new JsonArray(KernelContract.InactiveSlots),
        });
        var entry = content["files"]!.AsArray().First(file => (string?)file!["name"] == GraphFile)!;
        var bytes = File.ReadAllBytes(path);
        entry["bytes"] = bytes.Length;
        entry["sha256"] = Convert.ToHexStringLower(SHA256.HashData(bytes));
        File.WriteAllText(manifest, content.ToJsonString());
    }

    /// <summary>Writes the variants that a package's manifest lists.</summary>
    public static void WriteVariants(string package, string json)
    {
        var manifest = Path.Combine(package, ModelPackage.ManifestFile);
        var content = JsonNode.Parse(File.ReadAllText(manifest))!;
        content["variants"] = JsonNode.Parse(json);
        File.WriteAllText(manifest, content.ToJsonString());
    }

    /// <summary>Makes a graph with other nodes.</summary>
    public static Graph Change(Graph graph, Func<Node, Node> change, Func<Initializer, Initializer>? constants = null)
    {
        var target = new Graph(graph.Name);
        foreach (var port in graph.Inputs.Where(port => graph.FindInitializer(port.Name) is null))
        {
            target.AddInput(port.Name, port.Type, port.Shape);
        }

        foreach (var initializer in graph.Initializers)
        {
            var port = graph.Inputs.FirstOrDefault(port => port.Name == initializer.Name);
            if (port is not null)
            {
                target.AddOptionalInput(initializer, port.Shape);
            }
            else
            {
                target.AddInitializer(constants?.Invoke(initializer) ?? initializer);
            }
        }

        foreach (var node in graph.Nodes)
        {
            target.AddNode(change(node));
        }

        foreach (var port in graph.Outputs)
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }

    private static void Measure(
        string path, Action<string, ReadOnlySpan<float>, ReadOnlySpan<long>> observe,
        CancellationToken cancellationToken)
    {
        var decoder = ModelPackage.Open(path).Config.Model.Decoder;
        var channels = new float[decoder.NumKeyValueHeads * decoder.HeadSize];
        Array.Fill(channels, 4);
        for (var layer = 0; layer < decoder.NumHiddenLayers; layer++)
        {
            observe($"present.{layer}.key", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
            observe($"present.{layer}.value", channels, [1, decoder.NumKeyValueHeads, 1, decoder.HeadSize]);
        }
    }
}
