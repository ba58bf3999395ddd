using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Copies a graph with other nodes.</summary>
internal static class GraphCopy
{
    /// <summary>Makes the copy.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="change">The nodes that stand in a node's place.</param>
    public static Graph Make(Graph graph, Func<Node, IEnumerable<Node>> change)
    {
        Graph target = new(graph.Name);
        foreach (var port in graph.Inputs)
        {
            if (graph.FindInitializer(port.Name) is { } fallback)
            {
                target.AddOptionalInput(fallback, port.Shape);
            }
            else
            {
                target.AddInput(port.Name, port.Type, port.Shape);
            }
        }

        foreach (var initializer in graph.Initializers.Where(one => target.FindInitializer(one.Name) is null))
        {
            target.AddInitializer(initializer);
        }

        foreach (var node in graph.Nodes.SelectMany(change))
        {
            target.AddNode(node);
        }

        foreach (var port in graph.Outputs)
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }
}
