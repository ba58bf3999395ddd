using System.Numerics.Tensors;
using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Stores the float matrices, tables and convolution kernels of a graph in half precision.</summary>
/// <remarks>
/// <code>
/// weight (float16) ── Cast ── float32, which the node reads as before
/// </code>
/// A session computes the cast once, when it opens. Vectors, and what other nodes read too, stay in single precision.
/// </remarks>
internal static class HalfPrecisionGraph
{
    private const int ElementsAtOnce = 1 << 18;
    private const int BytesAtOnce = 1 << 20;

    private static readonly HashSet<string> Readers = new(StringComparer.Ordinal)
    {
        "MatMul", "Gemm", "Gather", "Conv", "ConvTranspose", "FusedMatMul", "Transpose",
    };

    /// <summary>Writes the graph's constants.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="folder">The folder of the files that its constants stand in.</param>
    /// <param name="stream">Takes the constants.</param>
    /// <param name="file">The name by which the graph file finds them.</param>
    /// <param name="cancellationToken">Stops between two constants.</param>
    /// <exception cref="NotSupportedException">Half precision cannot express a weight.</exception>
    public static (Graph Graph, IReadOnlyDictionary<string, string> Matrices) Write(
        Graph graph, string folder, Stream stream, string file, CancellationToken cancellationToken)
    {
        using GraphTensors tensors = new(folder);
        using ExternalDataWriter data = new(stream, file);
        HashSet<string> kept = [.. graph.Inputs.Concat(graph.Outputs).Select(port => port.Name)];
        var readers = graph.Nodes.SelectMany(node => node.Inputs.Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node, StringComparer.Ordinal);
        var halved = graph.Initializers
            .Where(constant => constant is { Type: ElementType.Float32, Shape.Count: >= 2 }
                && !kept.Contains(constant.Name) && readers[constant.Name].Any()
                && readers[constant.Name].All(node => Readers.Contains(node.OpType)))
            .ToDictionary(constant => constant.Name, _ => "fp16", StringComparer.Ordinal);
        var copy = GraphCopy.Make(graph, node => [node], changeConstant: constant =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return halved.ContainsKey(constant.Name) ? Halve(constant, tensors, data)
                : constant.Data is TensorData.External ? Copy(constant, tensors, data) : constant;
        });

        // The node before the first that reads a weight widens it, under the weight's name with an ending.
        HashSet<string> widened = [];
        return (GraphCopy.Make(copy, node => Widen(node, halved, widened)), halved);
    }

    private static IEnumerable<Node> Widen(Node node, Dictionary<string, string> halved, HashSet<string> widened)
    {
        foreach (var weight in node.Inputs.Where(halved.ContainsKey).Where(widened.Add))
        {
            yield return new Node(
                $"/{weight}/Cast", OnnxModel.StandardDomain, "Cast", [weight], [Wide(weight)],
                [new NodeAttribute.Int("to", (long)ElementType.Float32)]);
        }

        yield return node with
        {
            Inputs = [.. node.Inputs.Select(input => halved.ContainsKey(input) ? Wide(input) : input)],
        };
    }

    private static string Wide(string weight) => $"/{weight}/Cast/output";

    private static Initializer Halve(Initializer constant, GraphTensors tensors, ExternalDataWriter data)
    {
        var count = constant.Data.Length / sizeof(float);
        var floats = new float[Math.Min(count, ElementsAtOnce)];
        var halves = new Half[floats.Length];
        data.Begin(count * 2);
        for (long done = 0; done < count; done += floats.Length)
        {
            var part = floats.AsSpan(0, (int)Math.Min(floats.Length, count - done));
            tensors.ReadFloats(constant, done, part);
            TensorPrimitives.ConvertToHalf(part, halves);
            for (var index = 0; index < part.Length; index++)
            {
                if (Half.IsInfinity(halves[index]) && float.IsFinite(part[index]))
                {
                    throw new NotSupportedException(
                        $"The constant '{constant.Name}' holds the weight '{part[index]}', which half precision cannot "
                        + "express. Quantize to int8 or int4, or leave it in fp32 by a recipe.");
                }
            }

            data.Write<Half>(halves.AsSpan(0, part.Length));
        }

        return constant with { Type = ElementType.Float16, Data = data.End() };
    }

    private static Initializer Copy(Initializer constant, GraphTensors tensors, ExternalDataWriter data)
    {
        var buffer = new byte[Math.Min(constant.Data.Length, BytesAtOnce)];
        data.Begin(constant.Data.Length);
        for (long done = 0; done < constant.Data.Length; done += buffer.Length)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, constant.Data.Length - done));
            tensors.ReadBytes(constant, done, part);
            data.Write<byte>(part);
        }

        return constant with { Data = data.End() };
    }
}
