using Slipway.Onnx;

namespace Slipway.Export.Quantization.Graphs;

/// <summary>Finds values whose number of rows depends on what others hold, as that of an expert's tokens.</summary>
internal static class GatheredRows
{
    /// <summary>Finds them in a graph whose nodes stand in the order in which they run.</summary>
    public static IReadOnlySet<string> Find(Graph graph)
    {
        HashSet<string> found = new(StringComparer.Ordinal);
        foreach (var node in graph.Nodes)
        {
            var depends = node.OpType switch
            {
                "NonZero" or "Compress" or "Unique" => true,

                // What is written into a tensor leaves its sizes as they are.
                "ScatterND" or "ScatterElements" => found.Contains(node.Inputs[0]),
                _ => node.Inputs.Any(found.Contains),
            };
            if (depends)
            {
                found.UnionWith(node.Outputs);
            }
        }

        return found;
    }
}
