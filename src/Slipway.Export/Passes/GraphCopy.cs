using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Copies a graph with other nodes.</summary>
internal static class GraphCopy
{
    /// <summary>Makes the copy.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="change">The nodes that stand in a node's place.</param>
    /// <param name="changePort">What stands in an input's or output's place; null for itself.</param>
    /// <param name="constants">Constants that the new nodes read beside the graph's own; null for none.</param>
    /// <param name="changeConstant">What stands in a constant's place; null for itself.</param>
    public static Graph Make(
        Graph graph, Func<Node, IEnumerable<Node>> change, Func<GraphPort, GraphPort>? changePort = null,
        IEnumerable<Initializer>? constants = null, Func<Initializer, Initializer>? changeConstant = null)
    {
        changePort ??= port => port;
        changeConstant ??= constant => constant;
        Graph target = new(graph.Name);
        AddInputs(target, graph, graph.Inputs.Select(changePort), changeConstant);

        foreach (var initializer in graph.Initializers.Where(one => target.FindInitializer(one.Name) is null))
        {
            target.AddInitializer(changeConstant(initializer));
        }

        Node[] nodes = [.. graph.Nodes.SelectMany(change)];
        foreach (var constant in constants ?? [])
        {
            target.AddInitializer(constant);
        }

        foreach (var node in nodes)
        {
            target.AddNode(node);
        }

        foreach (var port in graph.Outputs.Select(changePort))
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }

    /// <summary>Adds inputs of a graph to another, optional ones with the constants that stand for them.</summary>
    /// <param name="target">The graph that gets them.</param>
    /// <param name="graph">The graph that they are from.</param>
    /// <param name="ports">The inputs, by their names in that graph, in other types and sizes where told.</param>
    /// <param name="changeConstant">What stands in a constant's place; null for itself.</param>
    public static void AddInputs(
        Graph target, Graph graph, IEnumerable<GraphPort> ports, Func<Initializer, Initializer>? changeConstant = null)
    {
        foreach (var port in ports)
        {
            if (graph.FindInitializer(port.Name) is { } fallback)
            {
                target.AddOptionalInput(changeConstant?.Invoke(fallback) ?? fallback, port.Shape);
            }
            else
            {
                target.AddInput(port.Name, port.Type, port.Shape);
            }
        }
    }

    /// <summary>Copies what some outputs of a graph need; other outputs, nodes and constants are left out.</summary>
    /// <param name="graph">The graph; it stays as it is. Its inputs stay all.</param>
    /// <param name="isKept">Tells whether an output stays.</param>
    public static Graph Prune(Graph graph, Func<GraphPort, bool> isKept)
    {
        GraphPort[] outputs = [.. graph.Outputs.Where(isKept)];
        HashSet<string> needed = [.. outputs.Select(port => port.Name)];
        HashSet<Node> kept = [];
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Outputs.Any(needed.Contains)))
        {
            kept.Add(node);
            needed.UnionWith(node.Inputs);
        }

        Graph target = new(graph.Name);
        AddInputs(target, graph, graph.Inputs);

        foreach (var constant in graph.Initializers.Where(
            one => needed.Contains(one.Name) && target.FindInitializer(one.Name) is null))
        {
            target.AddInitializer(constant);
        }

        foreach (var node in graph.Nodes.Where(kept.Contains))
        {
            target.AddNode(node);
        }

        foreach (var port in outputs)
        {
            target.AddOutput(new GraphValue(port.Name), port.Type, port.Shape);
        }

        return target;
    }
}
