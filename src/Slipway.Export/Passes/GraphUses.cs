using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Tells which node makes a value, and how often it is read.</summary>
internal sealed class GraphUses
{
    private readonly Dictionary<string, Node> _makers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _counts = new(StringComparer.Ordinal);

    public GraphUses(Graph graph)
    {
        foreach (var node in graph.Nodes)
        {
            foreach (var output in node.Outputs.Where(output => output.Length > 0))
            {
                _makers[output] = node;
            }

            foreach (var input in node.Inputs.Where(input => input.Length > 0))
            {
                Add(input);
            }
        }

        foreach (var port in graph.Outputs)
        {
            Add(port.Name);
        }

        void Add(string value) => _counts[value] = Count(value) + 1;
    }

    /// <summary>The node that makes a value; null for inputs and constants.</summary>
    public Node? Maker(string value) => _makers.GetValueOrDefault(value);

    /// <summary>Counts the inputs of nodes, and outputs of the graph, that a value is.</summary>
    public int Count(string value) => _counts.GetValueOrDefault(value);
}
