using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>
/// Notes which nodes of a graph become fused products, while passes fuse more of the graph into them.
/// </summary>
internal sealed class FusionPlan
{
    private readonly Dictionary<string, FusedMatMul> _byOutput = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FusedMatMul> _byNode = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Node> _rest = new(StringComparer.Ordinal);
    private readonly HashSet<string> _dropped = new(StringComparer.Ordinal);

    /// <summary>Begins with the products of weights of few bits as they stand.</summary>
    public FusionPlan(Graph graph)
    {
        Graph = graph;
        Uses = new GraphUses(graph);
        foreach (var node in graph.Nodes)
        {
            if (FusedMatMul.Read(graph, Uses, node) is { } product)
            {
                _byOutput.Add(node.Outputs[0], product);
                _byNode.Add(node.Name, product);
            }
        }
    }

    public Graph Graph { get; }

    public GraphUses Uses { get; }

    public bool IsEmpty => _byNode.Count == 0;

    /// <summary>The nodes as they will stand, each by what is left of it.</summary>
    public IEnumerable<Node> Nodes => Graph.Nodes.Select(node => _rest.GetValueOrDefault(node.Name, node));

    /// <summary>The product that makes a value; null for none.</summary>
    public FusedMatMul? Product(string output) => _byOutput.GetValueOrDefault(output);

    /// <summary>The products that read a value, and the nodes in whose places they stand.</summary>
    public IReadOnlyList<KeyValuePair<string, FusedMatMul>> Readers(string value)
        => [.. _byNode.Where(pair => !_dropped.Contains(pair.Key) && pair.Value.X == value)];

    /// <summary>Puts a product in the place of a node.</summary>
    public void Put(string node, FusedMatMul product)
    {
        _byNode[node] = product;
        _byOutput[product.Output] = product;
    }

    /// <summary>Leaves a product out whose output nobody reads any more.</summary>
    public void Remove(FusedMatMul product)
    {
        _dropped.Add(product.Name);
        _byNode.Remove(product.Name);
        _byOutput.Remove(product.Output);
    }

    /// <summary>Leaves a node out.</summary>
    public void Drop(Node node) => _dropped.Add(node.Name);

    /// <summary>Keeps another node behind the product that stands in a node's place.</summary>
    public void KeepBehind(Node node, Node rest) => _rest.Add(node.Name, rest);

    /// <summary>The nodes that come in a node's place; null where it stays as it is.</summary>
    public IEnumerable<Node>? NodesFor(Node node)
        => _dropped.Contains(node.Name) ? []
            : !_byNode.TryGetValue(node.Name, out var product) ? null
            : _rest.TryGetValue(node.Name, out var rest) && !_dropped.Contains(rest.Name) ? [product.ToNode(), rest]
            : [product.ToNode()];
}
