using Slipway.Onnx;

namespace Slipway.Export.Passes;

/// <summary>Leaves out nodes whose outputs nothing reads, such as casts of scales that a kernel reads itself.</summary>
internal static class DropUnread
{
    public static Graph Apply(Graph graph)
    {
        HashSet<string> read = [.. graph.Outputs.Select(port => port.Name)];
        HashSet<Node> kept = [];
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Outputs.Any(read.Contains)))
        {
            kept.Add(node);
            read.UnionWith(node.Inputs);
        }

        return kept.Count == graph.Nodes.Count
            ? graph : GraphCopy.Make(graph, node => kept.Contains(node) ? [node] : []);
    }
}
