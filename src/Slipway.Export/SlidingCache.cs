using System.Globalization;
using Slipway.Export.Passes;
using Slipway.Onnx;
using Slipway.Packaging;

namespace Slipway.Export;

/// <summary>Makes layers with a window keep keys and values of their last tokens only.</summary>
/// <remarks>
/// GroupQueryAttention's <c>sliding_window_cache</c> lets the oldest of a full cache give way, those beyond the window,
/// and counts positions on from the beginning of the sequence: the answers stay the same.
/// </remarks>
internal static class SlidingCache
{
    // What gives way goes together, 64 tokens at a time: whole blocks of those that caches of prefixes keep.
    private const int Slack = 63;

    private const string Operator = "GroupQueryAttention", PastPrefix = "past_key_values.", PastSuffix = ".key";
    private const string Attribute = "sliding_window_cache";
    private const int PastInput = 3;

    /// <summary>Finds the layers whose window is shorter than the context; null where there are none.</summary>
    /// <param name="graph">The decoder's graph.</param>
    /// <param name="contextLength">The longest sequence.</param>
    /// <param name="isQuantized">Whether the cache holds codes.</param>
    public static GenAISlidingWindow? Find(Graph graph, int contextLength, bool isQuantized)
    {
        // A cache that more than one layer reads would change between them.
        var readers = graph.Nodes
            .SelectMany(node => node.Inputs.Distinct().Select(input => (Input: input, Node: node)))
            .ToLookup(pair => pair.Input, pair => pair.Node);
        var layers = graph.Nodes
            .Where(node => node.OpType == Operator && readers[node.Inputs[PastInput]].Count() == 1 && Holds(node))
            .GroupBy(Window)
            .Where(group => group.Key > 0 && group.Key + Slack < contextLength)
            .MaxBy(group => group.Count());
        return layers is null ? null : new GenAISlidingWindow
        {
            WindowSize = (int)layers.Key,
            CacheSlack = Slack,
            Layers = [.. layers.Select(Layer)],
            SlideKeyValueCache = false,
            SlideInputs = false,
        };

        bool Holds(Node node)
        {
            // The kernel moves codes in groups of so many.
            var past = graph.Inputs.FirstOrDefault(port => port.Name == node.Inputs[PastInput]);
            return past?.Shape[^1].Size is { } size && size % (isQuantized ? 16 : 1) == 0;
        }
    }

    /// <summary>Lists the layers of a graph that have such a cache.</summary>
    public static IReadOnlyList<int> Layers(Graph graph) => [.. graph.Nodes.Where(Slides).Select(Layer)];

    /// <summary>Returns the graph with such a cache in some layers.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    /// <param name="layers">The layers, as <see cref="Find"/> or <see cref="Layers"/> tells them.</param>
    public static Graph Apply(Graph graph, IReadOnlyList<int> layers) => layers.Count == 0 ? graph : Rewrite(
        graph, node => node.OpType == Operator && layers.Contains(Layer(node)), "_sliding",
        attributes => [.. attributes, new NodeAttribute.Int(Attribute, 1)]);

    /// <summary>Returns the graph with keys and values of all tokens in all layers, which runs from none on.</summary>
    /// <param name="graph">The graph; it stays as it is.</param>
    public static Graph Remove(Graph graph) => Rewrite(
        graph, Slides, "_whole", attributes => [.. attributes.Where(attribute => attribute.Name != Attribute)]);

    private static Graph Rewrite(
        Graph graph, Func<Node, bool> isChanged, string suffix,
        Func<IReadOnlyList<NodeAttribute>, IReadOnlyList<NodeAttribute>> change)
    {
        Node[] nodes = [.. graph.Nodes.Where(isChanged)];
        if (nodes.Length == 0)
        {
            return graph;
        }

        HashSet<string> pasts = [.. nodes.SelectMany(node => node.Inputs.Skip(PastInput).Take(2))];
        HashSet<string> presents = [.. nodes.SelectMany(node => node.Outputs.Skip(1))];
        return GraphCopy.Make(
            graph, node => [nodes.Contains(node) ? node with { Attributes = change(node.Attributes) } : node],
            port => pasts.Contains(port.Name) ? port with { Shape = Shape(port, $"past{suffix}") }
                : presents.Contains(port.Name) ? port with { Shape = Shape(port, $"present{suffix}") } : port);
    }

    private static bool Slides(Node node) => node.OpType == Operator
        && node.Attributes.Any(attribute => attribute is NodeAttribute.Int { Name: Attribute, Value: 1 });

    private static IReadOnlyList<Dimension> Shape(GraphPort port, string length) =>
        [port.Shape[0], port.Shape[1], length, port.Shape[3]];

    private static long Window(Node node) => node.Attributes.OfType<NodeAttribute.Int>()
        .FirstOrDefault(attribute => attribute.Name == "local_window_size")?.Value ?? -1;

    private static int Layer(Node node) => int.Parse(
        node.Inputs[PastInput].AsSpan()[PastPrefix.Length..^PastSuffix.Length], CultureInfo.InvariantCulture);
}
