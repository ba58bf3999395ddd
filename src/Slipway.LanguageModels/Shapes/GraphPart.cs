using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Shapes;

/// <summary>Copies parts of graphs.</summary>
internal static class GraphPart
{
    /// <summary>Copies the nodes that some values need.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="inputs">Real values that the part takes instead of computing them, beside the graph's own
    /// inputs.</param>
    /// <param name="outputs">The values that it gives.</param>
    public static Graph Take(
        Graph graph, IReadOnlyList<(string Name, int Rank)> inputs, IReadOnlyList<string> outputs)
    {
        Graph part = new(graph.Name);
        HashSet<string> given = [.. inputs.Select(input => input.Name)];
        var makers = graph.Nodes.SelectMany(node => node.Outputs.Select(output => (output, node)))
            .Where(pair => pair.output.Length > 0).ToDictionary(pair => pair.output, pair => pair.node);
        HashSet<string> read = new(StringComparer.Ordinal);
        HashSet<Node> needed = [];
        Stack<string> open = new(outputs);
        while (open.TryPop(out var value))
        {
            if (value.Length == 0 || !read.Add(value) || given.Contains(value)
                || !makers.TryGetValue(value, out var node) || !needed.Add(node))
            {
                continue;
            }

            foreach (var input in node.Inputs)
            {
                open.Push(input);
            }
        }

        GraphCopy.AddInputs(part, graph, graph.Inputs.Where(
            port => read.Contains(port.Name) && !given.Contains(port.Name)));

        foreach (var (name, rank) in inputs.Where(input => read.Contains(input.Name)))
        {
            part.AddInput(name, ElementType.Float32, [.. Enumerable.Repeat(default(Dimension), rank)]);
        }

        foreach (var constant in graph.Initializers.Where(
            constant => read.Contains(constant.Name) && part.FindInitializer(constant.Name) is null))
        {
            part.AddInitializer(constant);
        }

        foreach (var node in graph.Nodes.Where(needed.Contains))
        {
            part.AddNode(node);
        }

        foreach (var output in outputs)
        {
            part.AddOutput(new GraphValue(output), ElementType.Undefined);
        }

        return part;
    }
}
