using Slipway.Onnx;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>A node that is being computed: its inputs as tensors, its attributes, its quantized matrices.</summary>
/// <param name="node">The node.</param>
/// <param name="inputs">Its inputs in the schema's order; null for those left out.</param>
/// <param name="weights">Finds the quantized matrix of a node.</param>
internal sealed class GraphCall(Node node, Tensor?[] inputs, Func<Node, QuantizedWeight> weights)
{
    public Node Node => node;

    /// <summary>The quantized matrix that the node reads.</summary>
    public QuantizedWeight Weight => weights(node);

    /// <summary>An input that the schema requires.</summary>
    public Tensor this[int index] => Optional(index) ?? throw new NotSupportedException(
        $"Node '{node.Name}' ('{node.OpType}') lacks its input {index}, without which it cannot be computed here.");

    public int InputCount => inputs.Length;

    public Tensor? Optional(int index) => index < inputs.Length ? inputs[index] : null;

    /// <summary>The integers of an input, whatever its shape.</summary>
    public long[] Integers(int index) => this[index].to(ScalarType.Int64).reshape(-1).data<long>().ToArray();

    public long Int(string name, long fallback) =>
        Find<NodeAttribute.Int>(name) is { } found ? found.Value : fallback;

    public double Float(string name, double fallback) =>
        Find<NodeAttribute.Float>(name) is { } found ? found.Value : fallback;

    public string Text(string name, string fallback) =>
        Find<NodeAttribute.Text>(name) is { } found ? found.Value : fallback;

    public long[] Ints(string name, long[] fallback) =>
        Find<NodeAttribute.Ints>(name) is { } found ? [.. found.Values] : fallback;

    /// <summary>Refuses a setting of the node that is not computed here.</summary>
    public void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new NotSupportedException($"Node '{node.Name}' ('{node.OpType}') {what}, which cannot be computed "
                + "here. Export without tuning.");
        }
    }

    private T? Find<T>(string name)
        where T : NodeAttribute => node.Attributes.OfType<T>().FirstOrDefault(attribute => attribute.Name == name);
}
