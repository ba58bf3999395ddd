using System.Buffers.Binary;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Tracing.Graphs;

namespace Slipway.Tracing.Passes;

/// <summary>Describes a value of a graph as far as tracing saw it.</summary>
/// <param name="Type">The type of the elements.</param>
/// <param name="Shape">The sizes; null for one that varies.</param>
internal sealed record ValueInfo(ElementType Type, IReadOnlyList<long?> Shape);

/// <summary>Looks for patterns of nodes in a graph.</summary>
internal sealed class GraphPatterns
{
    private readonly GraphConstants _constants;
    private readonly IReadOnlyDictionary<string, ValueInfo> _infos;
    private readonly GraphUses _uses;
    private readonly ILookup<string, Node> _readers;
    private readonly HashSet<string> _outputs;

    public GraphPatterns(
        Graph graph, GraphConstants constants, IReadOnlyDictionary<string, ValueInfo> infos, int opset,
        bool usesContribOperators)
    {
        (Graph, _constants, _infos) = (graph, constants, infos);
        (Opset, UsesContribOperators) = (opset, usesContribOperators);
        _uses = new GraphUses(graph);
        _readers = graph.Nodes.SelectMany(node => node.Inputs.Distinct().Select(input => (input, node)))
            .ToLookup(pair => pair.input, pair => pair.node, StringComparer.Ordinal);
        _outputs = [.. graph.Outputs.Select(port => port.Name)];
    }

    public Graph Graph { get; }

    /// <summary>The version of ONNX's operators.</summary>
    public int Opset { get; }

    /// <summary>Tells whether ONNX Runtime's own operators may be used.</summary>
    public bool UsesContribOperators { get; }

    /// <summary>The node that makes a value, where it is of a type; null otherwise.</summary>
    public Node? Maker(string value, params ReadOnlySpan<string> operators)
        => _uses.Maker(value) is { } node && IsStandard(node) && operators.Contains(node.OpType) ? node : null;

    /// <summary>The only node that reads a value; null where there are others, or the value is an output.</summary>
    public Node? OnlyReader(string value)
        => _uses.Count(value) == 1 && !_outputs.Contains(value) ? _readers[value].Single() : null;

    /// <summary>The type and the sizes of a value; null where tracing did not see it.</summary>
    public ValueInfo? Info(string value)
        => Graph.FindInitializer(value) is { } constant
            ? new ValueInfo(constant.Type, [.. constant.Shape.Select(size => (long?)size)])
            : _infos.GetValueOrDefault(value);

    /// <summary>A real number that is a constant of one element; null for other values.</summary>
    public double? Number(string value)
    {
        if (Graph.FindInitializer(value) is not { Data: TensorData.Inline data } constant
            || constant.Shape.Any(size => size != 1))
        {
            return null;
        }

        var bytes = data.Bytes.Span;
        return constant.Type switch
        {
            ElementType.Float32 => BinaryPrimitives.ReadSingleLittleEndian(bytes),
            ElementType.Float64 => BinaryPrimitives.ReadDoubleLittleEndian(bytes),
            ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(bytes),
            _ => null,
        };
    }

    /// <summary>The integers of a constant; null for other values.</summary>
    public long[]? Integers(string value)
    {
        if (Graph.FindInitializer(value) is not { Type: ElementType.Int64, Data: TensorData.Inline data })
        {
            return null;
        }

        return [.. System.Runtime.InteropServices.MemoryMarshal.Cast<byte, long>(data.Bytes.Span)];
    }

    /// <summary>A constant of one in each of some elements.</summary>
    public static Initializer Ones(long count, ElementType type)
    {
        var one = Elements.Bytes(1, type);
        var bytes = new byte[count * one.Length];
        for (var start = 0; start < bytes.Length; start += one.Length)
        {
            one.CopyTo(bytes, start);
        }

        return new Initializer($"/constants/ones/{type}/{count}", type, [count], new TensorData.Inline(bytes));
    }

    /// <summary>Tells whether all elements of a constant are one.</summary>
    public bool IsOnes(string value)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        return Graph.FindInitializer(value) is { } constant
            && _constants.Open(constant).eq(1).all().item<bool>();
    }

    /// <summary>The other of a node's two inputs.</summary>
    public static string Other(Node node, string input) => node.Inputs[0] == input ? node.Inputs[1] : node.Inputs[0];

    /// <summary>Tells whether two numbers are equal but for rounding to single precision.</summary>
    public static bool AreNear(double? value, double expected)
        => value is { } number && Math.Abs(number - expected) <= 1e-6 * Math.Abs(expected);

    /// <summary>An attribute of integers; null where there is none.</summary>
    public static IReadOnlyList<long>? Ints(Node node, string name)
        => node.Attributes.OfType<NodeAttribute.Ints>().FirstOrDefault(attribute => attribute.Name == name)?.Values;

    /// <summary>An integer attribute.</summary>
    public static long Int(Node node, string name, long fallback)
        => node.Attributes.OfType<NodeAttribute.Int>().FirstOrDefault(attribute => attribute.Name == name)?.Value
            ?? fallback;

    private static bool IsStandard(Node node) => node.Domain == OnnxModel.StandardDomain;
}
