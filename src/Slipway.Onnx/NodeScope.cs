namespace Slipway.Onnx;

/// <summary>A place in a graph: nodes that are added here are named by its path.</summary>
/// <param name="graph">The graph that grows.</param>
/// <param name="path">The path, such as <c>/model/layers.0/mlp</c>; empty at the top.</param>
/// <remarks>The operators are extension methods: <c>scope.Add(x, y)</c> adds the node <c>{path}/Add</c>.</remarks>
public class NodeScope(Graph graph, string path)
{
    /// <summary>The graph that grows.</summary>
    public Graph Graph { get; } = graph;

    /// <summary>The path that node names begin with.</summary>
    public string Path { get; } = path;

    /// <summary>Adds a node with one output.</summary>
    /// <param name="domain">The operator's domain.</param>
    /// <param name="opType">The operator.</param>
    /// <param name="inputs">The inputs in the schema's order; defaults leave optional ones out.</param>
    /// <param name="attributes">The attributes.</param>
    public GraphValue AddNode(
        string domain, string opType, IReadOnlyList<GraphValue> inputs, params IReadOnlyList<NodeAttribute> attributes)
        => AddNode(domain, opType, inputs, ["output"], attributes)[0];

    /// <summary>Adds a node with several outputs.</summary>
    /// <param name="domain">The operator's domain.</param>
    /// <param name="opType">The operator.</param>
    /// <param name="inputs">The inputs in the schema's order; defaults leave optional ones out.</param>
    /// <param name="outputs">
    /// A word for each output, from which its name is made; one that begins with '=' is the name itself; an empty one
    /// leaves the output out.
    /// </param>
    /// <param name="attributes">The attributes.</param>
    public IReadOnlyList<GraphValue> AddNode(
        string domain, string opType, IReadOnlyList<GraphValue> inputs, IReadOnlyList<string> outputs,
        IReadOnlyList<NodeAttribute> attributes)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ArgumentNullException.ThrowIfNull(outputs);
        var name = Graph.FreeNodeName($"{Path}/{opType}");
        string[] names = [.. outputs.Select(word => word switch
        {
            "" => "",
            ['=', .. var whole] => whole,
            _ => $"{name}/{word}",
        })];
        var given = inputs.Count;
        while (given > 0 && inputs[given - 1] == default)
        {
            given--;
        }

        Graph.AddNode(new Node(
            name, domain, opType, [.. inputs.Take(given).Select(input => input.ToString())], names, attributes));
        return [.. names.Select(output => new GraphValue(output))];
    }
}
