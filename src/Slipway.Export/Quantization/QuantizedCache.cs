using System.Runtime.InteropServices;
using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.Export.Quantization;

/// <summary>Makes a decoder graph keep keys and values as codes.</summary>
/// <remarks>
/// GroupQueryAttention writes codes round(x / scale) and multiplies them again when it reads them; its arithmetic stays
/// float32. Scales are constants, one for each channel of each head.
/// </remarks>
/// <param name="graph">The graph; it stays as it is.</param>
/// <param name="ranges">What keys and values were seen to be.</param>
/// <param name="frequencies">Radians a position of the pairs that turn, by the name of their table of cosines.</param>
/// <param name="positions">The longest sequence.</param>
internal sealed class QuantizedCache(
    Graph graph, ChannelRanges ranges, IReadOnlyDictionary<string, double[]> frequencies, int positions)
{
    private const string Operator = "GroupQueryAttention";
    private const int PastInput = 3, CosineInput = 7, ScaleInput = 12;

    // What was measured is a sample; later tokens may be somewhat larger.
    private const float Margin = 1.1f;

    // A channel in which nothing was seen gets as fine a scale as one this much smaller than its tensor's largest.
    private const float Smallest = 1e-3f;

    // For a tensor that is zero throughout.
    private const float MinScale = 1e-20f;

    private readonly Graph _target = new(graph.Name);
    private readonly Dictionary<string, string> _presents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GraphValue> _scales = new(StringComparer.Ordinal);

    /// <summary>Returns the graph with codes in place of float32 keys and values.</summary>
    public Graph Apply()
    {
        FindPresents();
        HashSet<string> written = [.. _presents.Values];
        GraphCopy.AddInputs(_target, graph, graph.Inputs.Select(
            port => _presents.ContainsKey(port.Name) ? port with { Type = ElementType.Int8 } : port));

        foreach (var initializer in graph.Initializers.Where(Free))
        {
            _target.AddInitializer(initializer);
        }

        foreach (var node in graph.Nodes)
        {
            _target.AddNode(IsCached(node) ? Quantized(node) : node);
        }

        foreach (var port in graph.Outputs)
        {
            _target.AddOutput(
                new GraphValue(port.Name), written.Contains(port.Name) ? ElementType.Int8 : port.Type, port.Shape);
        }

        return _target;

        bool Free(Initializer initializer) => _target.FindInitializer(initializer.Name) is null;
    }

    // The layer that owns a cache tensor is the one whose present is an output; others only read it.
    private void FindPresents()
    {
        HashSet<string> outputs = [.. graph.Outputs.Select(port => port.Name)];
        foreach (var node in graph.Nodes.Where(node => node.OpType == Operator && outputs.Contains(node.Outputs[1])))
        {
            _presents.Add(node.Inputs[PastInput], node.Outputs[1]);
            _presents.Add(node.Inputs[PastInput + 1], node.Outputs[2]);
        }

        if (_presents.Count == 0)
        {
            throw new NotSupportedException(
                $"The graph '{graph.Name}' keeps no keys and values that could be quantized. Export it with 'fp32'.");
        }
    }

    private bool IsCached(Node node) => node.OpType == Operator && _presents.ContainsKey(node.Inputs[PastInput]);

    private Node Quantized(Node node)
    {
        List<string> inputs = [.. node.Inputs];
        inputs.AddRange(Enumerable.Repeat("", ScaleInput - inputs.Count));
        inputs.Add(Scales(node.Inputs[PastInput], Turning(node)).Name);
        inputs.Add(Scales(node.Inputs[PastInput + 1], null).Name);
        return node with
        {
            Inputs = inputs,
            Attributes =
            [
                .. node.Attributes,
                new NodeAttribute.Text("k_quant_type", "PER_CHANNEL"),
                new NodeAttribute.Text("v_quant_type", "PER_CHANNEL"),
                new NodeAttribute.Int("kv_cache_bit_width", 8),
            ],
        };
    }

    private GraphValue Scales(string past, (double[] Frequencies, bool Interleaved)? turning)
    {
        if (!_scales.TryGetValue(past, out var scales))
        {
            var shape = graph.Inputs.Single(port => port.Name == past).Shape;
            var (heads, size) = ((int)shape[1].Size!.Value, (int)shape[3].Size!.Value);
            var values = ranges.Of(_presents[past]);
            values = Scale(turning is { } pairs ? Reach(values, size, pairs.Frequencies, pairs.Interleaved) : values);
            scales = _target.AddInitializer(new Initializer(
                $"{past}_scale", ElementType.Float32, [heads, 1, size],
                new TensorData.Inline(MemoryMarshal.AsBytes<float>(values).ToArray())));
            _scales.Add(past, scales);
        }

        return scales;
    }

    private static float[] Scale(float[] max)
    {
        var floor = Math.Max(max.Max() * Smallest, MinScale);
        return Array.ConvertAll(max, size => Math.Max(size * Margin, floor) / sbyte.MaxValue);
    }

    // What channels reach at positions that were not measured: a pair that turns faster shows more of one in the other.
    private float[] Reach(float[] max, int size, double[] radians, bool interleaved)
    {
        var width = radians.Length;
        return [.. max.Select((own, index) =>
        {
            var channel = index % size;
            if (channel >= 2 * width)
            {
                return own;
            }

            var partner = interleaved ? channel ^ 1 : channel < width ? channel + width : channel - width;
            var radiansOfPair = radians[interleaved ? channel / 2 : channel % width];
            var other = max[index - channel + partner];
            var shown = other * (float)Math.Sin(Math.Min(Math.Abs(radiansOfPair) * positions, Math.PI / 2));
            return Math.Min(float.Hypot(own, other), own + shown);
        })];
    }

    private (double[] Frequencies, bool Interleaved)? Turning(Node node)
    {
        (Node Node, int Table)? turning = Flag(node, "do_rotary") ? (node, CosineInput)
            : graph.Nodes.FirstOrDefault(other => other.Outputs.Contains(node.Inputs[1])) is
                { OpType: "RotaryEmbedding" } outside ? (outside, 2)
            : null;
        return turning is { } found && frequencies.TryGetValue(found.Node.Inputs[found.Table], out var radians)
            ? (radians, Flag(found.Node, "rotary_interleaved") || Flag(found.Node, "interleaved"))
            : null;
    }

    private static bool Flag(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().Any(attribute => attribute.Name == name && attribute.Value == 1);
}
