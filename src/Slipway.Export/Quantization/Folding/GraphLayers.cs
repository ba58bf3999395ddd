using System.Runtime.InteropServices;
using Slipway.Export.Passes;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Folding;

/// <summary>Tells which constants a float graph's values meet, for changes that must leave its outputs alone.</summary>
internal sealed class GraphLayers
{
    /// <summary>Inputs of a mixture of experts: its matrices and their biases.</summary>
    public const int FirstExperts = 2, FirstExpertsBias = 3, SecondExperts = 4, SecondExpertsBias = 5;

    /// <summary>The operator of mixtures of experts.</summary>
    public const string Mixture = "MoE";

    private readonly Graph _graph;
    private readonly ILookup<string, Node> _readers;
    private readonly HashSet<string> _fixed;

    public GraphLayers(Graph graph)
    {
        _graph = graph;
        Uses = new GraphUses(graph);
        _readers = graph.Nodes.SelectMany(node => node.Inputs.Distinct().Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node, StringComparer.Ordinal);
        _fixed = [.. graph.Inputs.Concat(graph.Outputs).Select(port => port.Name)];
    }

    public GraphUses Uses { get; }

    /// <summary>The nodes that read a value.</summary>
    public IEnumerable<Node> Readers(string value) => _readers[value];

    /// <summary>Tells whether callers give or get a value.</summary>
    public bool IsFixed(string value) => _fixed.Contains(value);

    /// <summary>The matrix that a node multiplies its input by; null where it does something else.</summary>
    public LinearLayer? Linear(Node node)
    {
        if (node.OpType is not ("FusedMatMul" or "MatMul") || node.Inputs.Count != 2)
        {
            return null;
        }

        var isTransposed = node.OpType == "MatMul";
        var name = Uses.Maker(node.Inputs[1]) is { OpType: "Cast" } cast ? cast.Inputs[0] : node.Inputs[1];
        return (isTransposed || GraphMatrices.IsLinear(node))
            && _graph.FindInitializer(name) is { Shape: [var rows, var columns] }
                ? new LinearLayer(
                    name, isTransposed, (int)(isTransposed ? rows : columns), (int)(isTransposed ? columns : rows),
                    IsOwn(name) && Uses.Count(node.Inputs[1]) == 1)
                : null;
    }

    /// <summary>The size of a mixture's hidden states.</summary>
    public int? MixtureWidth(Node experts) => (int?)_graph.FindInitializer(experts.Inputs[FirstExperts])?.Shape[^1];

    /// <summary>The shape of a constant; null where the value is none.</summary>
    public IReadOnlyList<long>? ShapeOf(string constant) => _graph.FindInitializer(constant)?.Shape;

    /// <summary>Tells whether a value is a float constant with one use, which callers cannot replace.</summary>
    public bool IsOwn(string name) => !_fixed.Contains(name) && Uses.Count(name) == 1
        && _graph.FindInitializer(name) is { Type: ElementType.Float32 or ElementType.Float16 };

    /// <summary>Tells whether a value is such a constant, one number for each channel.</summary>
    public bool IsVector(string name, int width) => IsOwn(name) && _graph.FindInitializer(name) is
        { Type: ElementType.Float32, Shape: [var size] } && size == width;

    /// <summary>
    /// Tells whether a node takes or rearranges rows of its first input, or multiplies all of it by a number, and
    /// leaves channels together.
    /// </summary>
    public bool KeepsChannels(Node node, int width) => node.OpType switch
    {
        "Slice" => node.Inputs.Count > 3 && Whole(node.Inputs[3]) is [1],
        "Reshape" => Whole(node.Inputs[1]) is { Length: > 1 } shape && shape[^1] == width,
        "Mul" or "Div" => ShapeOf(node.Inputs[1]) is { } shape && shape.All(size => size == 1),
        _ => false,
    };

    /// <summary>Lists the matrices that a value's channels are the inputs of.</summary>
    /// <param name="value">The value.</param>
    /// <param name="width">Its channels.</param>
    /// <returns>Null where something else reads it too, or a matrix has another use.</returns>
    public IReadOnlyList<LinearLayer>? Matrices(string value, int width)
    {
        List<LinearLayer> matrices = [];
        return Read(value) ? matrices : null;

        bool Read(string value) => !_fixed.Contains(value) && _readers[value].All(node =>
        {
            if (node.Inputs.Count(input => input == value) != 1 || node.Inputs[0] != value)
            {
                return false;
            }

            if (KeepsChannels(node, width))
            {
                return Read(node.Outputs[0]);
            }

            var layer = Linear(node) ?? (node.OpType == Mixture && MixtureWidth(node) is { } size
                ? new LinearLayer(
                    node.Inputs[FirstExperts], IsTransposed: false, size, 0, IsOwn(node.Inputs[FirstExperts]))
                : null);
            if (layer is not null)
            {
                matrices.Add(layer);
            }

            return layer is null ? node.OpType == "Shape" : layer.IsOwn && layer.Inputs == width;
        });
    }

    /// <summary>Tells whether a value is a list with the last axis alone.</summary>
    public bool IsLastAxis(string axes) => Whole(axes) is [-1];

    /// <summary>An integer attribute.</summary>
    public static long Attribute(Node node, string name, long absent = 0) =>
        node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(one => one.Name == name)?.Value ?? absent;

    /// <summary>A number among the attributes; 0 where it is not there.</summary>
    public static float Number(Node node, string name) =>
        node.Attributes.OfType<NodeAttribute.Float>().FirstOrDefault(one => one.Name == name)?.Value ?? 0;

    private long[]? Whole(string name) => _graph.FindInitializer(name) is
        { Type: ElementType.Int64, Data: TensorData.Inline data }
            ? MemoryMarshal.Cast<byte, long>(data.Bytes.Span).ToArray() : null;
}

/// <summary>A matrix that a value is multiplied by.</summary>
/// <param name="Name">The constant; of a mixture the first matrices of all experts.</param>
/// <param name="IsTransposed">Whether it is stored as [inputs, outputs].</param>
/// <param name="Inputs">Inputs.</param>
/// <param name="Outputs">Outputs; 0 for a mixture's.</param>
/// <param name="IsOwn">Whether nothing else uses it.</param>
internal sealed record LinearLayer(string Name, bool IsTransposed, int Inputs, int Outputs, bool IsOwn);
