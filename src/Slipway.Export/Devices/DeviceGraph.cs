using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using Slipway.Export.Passes;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;

namespace Slipway.Export.Devices;

/// <summary>Writes a decoder's graph down as GPUs compute it: in half precision, from end to end.</summary>
/// <remarks>
/// <code>
/// float32 values, keys, values and logits   →  float16
/// Cast to float32 of a float16 constant     →  the constant
/// a constant in float32                     →  the same in float16, in a file of its own
/// </code>
/// What is in half precision or in codes already stays in the file where it is, so one package holds the weights once.
/// Scales of keys and values that are kept in int8 stay float32, as GroupQueryAttention asks, and so do the inputs that
/// adapters come by, which are rounded behind them.
/// </remarks>
internal static class DeviceGraph
{
    private const int ElementsAtOnce = 1 << 18;
    private const int InlineElements = 64;
    private const int KeyScale = 12, ValueScale = 13;

    // What hides a score, or a token: any number beyond the range of half precision does the same.
    private const float Hidden = -1e9f;

    /// <summary>Converts a graph.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="folder">The folder of the files that its constants stand in.</param>
    /// <param name="data">Takes the constants that are stored anew.</param>
    /// <param name="cancellationToken">Stops between two constants.</param>
    /// <exception cref="NotSupportedException">Half precision cannot express a constant.</exception>
    public static Graph Convert(
        Graph graph, string folder, ExternalDataWriter data, CancellationToken cancellationToken)
    {
        using GraphTensors tensors = new(folder);
        HashSet<string> kept = [.. graph.Nodes.SelectMany(Scales)];
        var outside = graph.Inputs.Where(port => port.Type == ElementType.Float32
            && graph.FindInitializer(port.Name) is not null)
            .ToDictionary(port => port.Name, port => $"{port.Name}/half", StringComparer.Ordinal);
        Dictionary<string, string> same = new(StringComparer.Ordinal);
        var halved = GraphCopy.Make(
            graph, Change, changePort: port => Halves(port.Type) && !outside.ContainsKey(port.Name)
                ? port with { Type = ElementType.Float16 } : port,
            changeConstant: constant =>
            {
                cancellationToken.ThrowIfCancellationRequested();
                return Halves(constant.Type) && !kept.Contains(constant.Name) && !outside.ContainsKey(constant.Name)
                    ? Halve(constant, tensors, data) : constant;
            });
        return DropUnread.Apply(halved);

        IEnumerable<Node> Change(Node node)
        {
            foreach (var input in node.Inputs.Where(
                input => outside.ContainsKey(input) && same.TryAdd(input, outside[input])))
            {
                yield return new Node(
                    $"/{input}/Cast", OnnxModel.StandardDomain, "Cast", [input], [outside[input]],
                    [To(ElementType.Float16)]);
            }

            if (node.OpType == "Cast" && Target(node) == ElementType.Float32
                && graph.FindInitializer(node.Inputs[0]) is { Type: ElementType.Float16 })
            {
                same.Add(node.Outputs[0], node.Inputs[0]);
                yield break;
            }

            yield return node with
            {
                Inputs = [.. node.Inputs.Select(input => same.GetValueOrDefault(input, input))],
                Attributes = node.OpType == "Cast" && Target(node) == ElementType.Float32
                    ? [To(ElementType.Float16)] : node.Attributes,
            };
        }
    }

    private static bool Halves(ElementType type) => type == ElementType.Float32;

    private static NodeAttribute.Int To(ElementType type) => new("to", (long)type);

    private static ElementType Target(Node node)
        => (ElementType)node.Attributes.OfType<NodeAttribute.Int>().Single(attribute => attribute.Name == "to").Value;

    private static IEnumerable<string> Scales(Node node) => node.OpType == "GroupQueryAttention"
        ? new[] { KeyScale, ValueScale }.Where(index => index < node.Inputs.Count).Select(index => node.Inputs[index])
            .Where(input => input.Length > 0)
        : [];

    private static Initializer Halve(Initializer constant, GraphTensors tensors, ExternalDataWriter data)
    {
        var count = constant.Data.Length / sizeof(float);
        var floats = new float[Math.Min(count, ElementsAtOnce)];
        var halves = new Half[floats.Length];
        var isInline = constant.Data is TensorData.Inline && count <= InlineElements;
        if (!isInline)
        {
            data.Begin(count * 2);
        }

        for (long done = 0; done < count; done += floats.Length)
        {
            var part = floats.AsSpan(0, (int)Math.Min(floats.Length, count - done));
            tensors.ReadFloats(constant, done, part);
            TensorPrimitives.ConvertToHalf(part, halves);
            Check(constant.Name, part, halves);
            if (!isInline)
            {
                data.Write<Half>(halves.AsSpan(0, part.Length));
            }
        }

        return constant with
        {
            Type = ElementType.Float16,
            Data = isInline
                ? new TensorData.Inline(MemoryMarshal.AsBytes(halves.AsSpan(0, (int)count)).ToArray()) : data.End(),
        };
    }

    // Infinity would make NaN of what it hides; a small divisor must not become zero.
    private static void Check(string name, ReadOnlySpan<float> floats, Span<Half> halves)
    {
        for (var index = 0; index < floats.Length; index++)
        {
            var (value, half) = (floats[index], halves[index]);
            if (Half.IsInfinity(half) && float.IsFinite(value))
            {
                halves[index] = value <= Hidden ? Half.MinValue : throw new NotSupportedException(
                    $"The constant '{name}' is '{value}', which half precision cannot express, and GPUs compute in it. "
                    + "Export the package for 'cpu' alone.");
            }
            else if (half == Half.Zero && value != 0 && floats.Length == 1)
            {
                halves[index] = value > 0 ? Half.Epsilon : -Half.Epsilon;
            }
        }
    }
}
