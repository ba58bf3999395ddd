using System.Runtime.InteropServices;
using Slipway.Onnx;

namespace Slipway.Export.Quantization;

/// <summary>Makes a decoder graph keep keys and values as codes.</summary>
/// <remarks>
/// GroupQueryAttention writes codes round(x / scale) and multiplies them again when it reads them; its arithmetic stays
/// float32. Scales are constants, one for each channel of each head.
/// </remarks>
internal sealed class QuantizedCache(Graph graph, ChannelRanges ranges, int bits)
{
    private const string Operator = "GroupQueryAttention";
    private const int PastInput = 3, CosineInput = 7, ScaleInput = 12;

    // What was measured is a sample; later tokens may be somewhat larger.
    private const float Margin = 1.1f;

    // A channel in which nothing was seen gets as fine a scale as one this much smaller than its tensor's largest.
    private const float Smallest = 1e-3f;

    // For a tensor that is zero throughout.
    private const float LeastScale = 1e-20f;

    private readonly Graph _target = new(graph.Name);
    private readonly Dictionary<string, string> _presents = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GraphValue> _scales = new(StringComparer.Ordinal);

    private ElementType Type => bits == 8 ? ElementType.Int8 : ElementType.UInt8;

    /// <summary>Returns the graph with codes in place of float32 keys and values.</summary>
    public Graph Apply()
    {
        FindPresents();
        HashSet<string> written = [.. _presents.Values];
        foreach (GraphPort port in graph.Inputs)
        {
            if (graph.FindInitializer(port.Name) is { } fallback)
            {
                _target.AddOptionalInput(fallback, port.Shape);
            }
            else if (_presents.ContainsKey(port.Name))
            {
                _target.AddInput(port.Name, Type, Coded(port));
            }
            else
            {
                _target.AddInput(port.Name, port.Type, port.Shape);
            }
        }

        foreach (Initializer initializer in graph.Initializers.Where(Free))
        {
            _target.AddInitializer(initializer);
        }

        foreach (Node node in graph.Nodes)
        {
            _target.AddNode(IsCached(node) ? Quantized(node) : node);
        }

        foreach (GraphPort port in graph.Outputs)
        {
            bool coded = written.Contains(port.Name);
            _target.AddOutput(new GraphValue(port.Name), coded ? Type : port.Type, coded ? Coded(port) : port.Shape);
        }

        return _target;

        bool Free(Initializer initializer) => _target.FindInitializer(initializer.Name) is null;
    }

    // The layer that owns a cache tensor is the one whose present is an output; others only read it.
    private void FindPresents()
    {
        HashSet<string> outputs = [.. graph.Outputs.Select(port => port.Name)];
        foreach (Node node in graph.Nodes.Where(node => node.OpType == Operator && outputs.Contains(node.Outputs[1])))
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

    private Dimension[] Coded(GraphPort port)
    {
        long size = port.Shape[^1].Size!.Value;
        return [.. port.Shape.Take(port.Shape.Count - 1), bits == 8 ? size : (size + 1) / 2];
    }

    private Node Quantized(Node node)
    {
        List<string> inputs = [.. node.Inputs];
        inputs.AddRange(Enumerable.Repeat("", ScaleInput - inputs.Count));
        inputs.Add(Scales(node.Inputs[PastInput], Pairs(node)).Name);
        inputs.Add(Scales(node.Inputs[PastInput + 1], null).Name);
        return node with
        {
            Inputs = inputs,
            Attributes =
            [
                .. node.Attributes,
                new NodeAttribute.Text("k_quant_type", "PER_CHANNEL"),
                new NodeAttribute.Text("v_quant_type", "PER_CHANNEL"),
                new NodeAttribute.Int("kv_cache_bit_width", bits),
            ],
        };
    }

    private GraphValue Scales(string past, Func<int, int>? pairs)
    {
        if (!_scales.TryGetValue(past, out GraphValue scales))
        {
            IReadOnlyList<Dimension> shape = graph.Inputs.Single(port => port.Name == past).Shape;
            (int heads, int size) = ((int)shape[1].Size!.Value, (int)shape[3].Size!.Value);
            float[] values = Scale(ranges.Of(_presents[past]), size, pairs);
            scales = _target.AddInitializer(new Initializer(
                $"{past}_scale", ElementType.Float32, [heads, 1, size],
                new TensorData.Inline(MemoryMarshal.AsBytes<float>(values).ToArray())));
            _scales.Add(past, scales);
        }

        return scales;
    }

    private float[] Scale(float[] largest, int size, Func<int, int>? pairs)
    {
        float floor = Math.Max(largest.Max() * Smallest, LeastScale);
        float highest = (1 << (bits - 1)) - 1;
        float[] scales = new float[largest.Length];
        for (int i = 0; i < scales.Length; i++)
        {
            // A pair that turns with its position reaches, at another position, its whole length in either channel.
            float x = largest[i], y = pairs is null ? 0 : largest[i - (i % size) + pairs(i % size)];
            float reach = pairs is null || pairs(i % size) == i % size ? x : MathF.Sqrt((x * x) + (y * y));
            scales[i] = Math.Max(reach * Margin, floor) / highest;
        }

        return scales;
    }

    // The other channel of the pair that turns with a channel, or the channel itself.
    private Func<int, int>? Pairs(Node node)
    {
        (Node Node, int Input)? turning = Flag(node, "do_rotary") ? (node, CosineInput)
            : graph.Nodes.FirstOrDefault(other => other.Outputs.Contains(node.Inputs[1])) is
                { OpType: "RotaryEmbedding" } outside ? (outside, 2)
            : null;
        if (turning is not { } found || Width(found.Node.Inputs[found.Input]) is not { } width)
        {
            return null;
        }

        bool interleaved = Flag(found.Node, "rotary_interleaved") || Flag(found.Node, "interleaved");
        return channel => channel >= 2 * width ? channel
            : interleaved ? channel ^ 1
            : channel < width ? channel + width : channel - width;
    }

    // Tables are computed from smaller ones of the same width when a session is created.
    private int? Width(string table)
    {
        while (graph.FindInitializer(table) is null)
        {
            if (graph.Nodes.FirstOrDefault(node => node.Outputs.Contains(table)) is not { } node)
            {
                return null;
            }

            table = node.Inputs[0];
        }

        return (int)graph.FindInitializer(table)!.Shape[^1];
    }

    private static bool Flag(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Int>().Any(attribute => attribute.Name == name && attribute.Value == 1);
}
