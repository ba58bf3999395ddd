using System.Globalization;
using Slipway.Export.Passes;
using Slipway.Onnx;

namespace Slipway.LanguageModels.Caching;

/// <summary>A graph of steps with the inputs and outputs of a package.</summary>
/// <param name="Graph">The graph.</param>
/// <param name="Layers">The number of its caches' layers.</param>
/// <param name="Kept">The tensors that it keeps, by their inputs' names.</param>
internal sealed record StepGraph(Graph Graph, int Layers, IReadOnlyList<CacheEntry> Kept)
{
    /// <summary>Leaves out what nobody reads, and names caches as packages do.</summary>
    /// <param name="cached">The graph as it was built.</param>
    /// <param name="vocabulary">The last axis of the logits.</param>
    public static StepGraph Of(CachedGraph cached, long vocabulary)
    {
        var source = cached.Graph;
        var (live, read) = Live(source);
        CacheEntry[] kept = [.. cached.Caches.Where(entry => live.Any(node => node.Outputs.Contains(entry.Present)))];
        Dictionary<string, string> names = new(StringComparer.Ordinal);
        var layers = 0;
        for (var index = 0; index < kept.Length; layers++)
        {
            // Tensors that stand alone come in pairs too; the last one may have none beside it.
            var pairs = index + 1 < kept.Length && (kept[index].IsPaired || !kept[index + 1].IsPaired) ? 2 : 1;
            foreach (var role in ((string[])["key", "value"]).Take(pairs))
            {
                var layer = layers.ToString(CultureInfo.InvariantCulture);
                names[kept[index].Past] = $"past_key_values.{layer}.{role}";
                names[kept[index].Present] = $"present.{layer}.{role}";
                index++;
            }
        }

        Graph graph = new(source.Name);
        string Name(string value) => names.GetValueOrDefault(value, value);
        GraphCopy.AddInputs(graph, source, source.Inputs.Where(
            port => port.Name is "input_ids" or "attention_mask" || source.FindInitializer(port.Name) is not null));

        foreach (var entry in kept)
        {
            graph.AddInput(Name(entry.Past), ElementType.Float32, "batch", entry.Heads, "past", entry.Size);
        }

        foreach (var constant in source.Initializers.Where(
            constant => read.Contains(constant.Name) && graph.FindInitializer(constant.Name) is null))
        {
            graph.AddInitializer(constant);
        }

        foreach (var node in live)
        {
            graph.AddNode(node with
            {
                Inputs = [.. node.Inputs.Select(Name)], Outputs = [.. node.Outputs.Select(Name)],
            });
        }

        graph.AddOutput(new GraphValue("logits"), ElementType.Float32, "batch", "kept", vocabulary);
        foreach (var entry in kept)
        {
            graph.AddOutput(
                new GraphValue(Name(entry.Present)), ElementType.Float32, "batch", entry.Heads, "present", entry.Size);
        }

        return new StepGraph(
            graph, layers,
            [.. kept.Select(entry => entry with { Past = Name(entry.Past), Present = Name(entry.Present) })]);
    }

    private static (IReadOnlyList<Node> Nodes, HashSet<string> Read) Live(Graph graph)
    {
        HashSet<string> read = ["logits"];
        List<Node> live = [];
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Outputs.Any(read.Contains)))
        {
            live.Add(node);
            read.UnionWith(node.Inputs);
        }

        live.Reverse();
        return (live, read);
    }
}
