using Slipway.Export.Passes;
using Slipway.Export.Quantization.Graphs;
using Slipway.Export.Weights;
using Slipway.Onnx;

namespace Slipway.Export.Adapters;

/// <summary>Places of a batch in what a linear layer multiplies.</summary>
internal enum BatchPlace
{
    /// <summary>[batch, time, columns].</summary>
    First,

    /// <summary>[batch · time, columns].</summary>
    Merged,

    /// <summary>[time, batch, columns].</summary>
    Second,
}

/// <summary>Lets adapters add to the linear layers of a float graph that stands already.</summary>
internal static class GraphAdapters
{
    // A traced layer's weight, and what it is called where it is stored as [inputs, outputs].
    private const string WeightName = ".weight", Transposed = ".transposed";

    /// <summary>Describes the graph's weights as adapters name them, by their modules' paths.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="places">Says of a value where its batch is; null where it has none that adapters know.</param>
    /// <param name="model">What messages call the model.</param>
    public static AdapterBase Base(Graph graph, Func<string, BatchPlace?> places, string model)
    {
        var layers = Layers(graph, places).ToDictionary(
            layer => layer.Name, layer => layer.Matrix, StringComparer.Ordinal);
        return new AdapterBase(
            model, name => layers.TryGetValue(name, out var matrix) ? (name, [matrix.Rows, matrix.Columns]) : null);
    }

    /// <summary>Adds the inputs and what they add.</summary>
    /// <param name="graph">The graph.</param>
    /// <param name="places">Says of a value where its batch is; null where it has none that adapters know.</param>
    /// <param name="adapters">The adapters.</param>
    /// <param name="tensors">Reads the graph's constants; needed until the adapters are written.</param>
    public static Graph Apply(
        Graph graph, Func<string, BatchPlace?> places, SwitchedAdapters adapters, GraphTensors tensors)
    {
        Graph made = new(graph.Name);
        Dictionary<Node, AdaptedMatrix> adapted = [];
        foreach (var (name, matrix) in Layers(graph, places))
        {
            NamedWeight weight = new(matrix.Open(tensors), name);
            if (adapters.Find(name, new StandingProduct(), weight, made, isLinear: true) is { } one)
            {
                matrix.Products.ForEach(node => adapted.Add(node, one));
            }
        }

        GraphCopy.AddInputs(made, graph, graph.Inputs);

        foreach (var constant in graph.Initializers.Where(constant => made.FindInitializer(constant.Name) is null))
        {
            made.AddInitializer(constant);
        }

        Dictionary<string, string> sums = new(StringComparer.Ordinal);
        foreach (var node in graph.Nodes.Select(node => node with
        {
            Inputs = [.. node.Inputs.Select(input => sums.GetValueOrDefault(input, input))],
        }).Zip(graph.Nodes, (node, original) => (node, original)))
        {
            if (!adapted.TryGetValue(node.original, out var matrix))
            {
                made.AddNode(node.node);
                continue;
            }

            NodeScope scope = new(made, node.node.Name[..Math.Max(node.node.Name.LastIndexOf('/'), 0)]);
            var place = places(node.original.Inputs[0])!.Value;
            sums[node.node.Outputs[0]] = matrix.Adapt(scope, new GraphValue(node.node.Inputs[0]), place, () =>
            {
                made.AddNode(node.node);
                return new GraphValue(node.node.Outputs[0]);
            }).Name;
        }

        foreach (var output in graph.Outputs)
        {
            made.AddOutput(new GraphValue(output.Name), output.Type, [.. output.Shape]);
        }

        return made;
    }

    // Products of linear layers: no tables, whose rows no adapter here changes, and nothing with a bias inside.
    private static IEnumerable<(string Name, GraphMatrix Matrix)> Layers(
        Graph graph, Func<string, BatchPlace?> places)
    {
        foreach (var matrix in GraphMatrices.Find(graph, null))
        {
            var name = matrix.Name.EndsWith(Transposed, StringComparison.Ordinal)
                ? matrix.Name[..^Transposed.Length] : matrix.Name;
            if (matrix is { Count: 1, Mixture: null, Lookups.Count: 0 }
                && name.EndsWith(WeightName, StringComparison.Ordinal)
                && matrix.Products.TrueForAll(node => node.OpType != "Gemm" && places(node.Inputs[0]) is not null))
            {
                yield return (name, matrix);
            }
        }
    }

    private sealed class NamedWeight(Weight plain, string name) : Weight(plain.Rows, plain.Columns)
    {
        public override void ReadRows(int first, int count, Span<float> destination)
            => plain.ReadRows(first, count, destination);

        public override RowSource? SourceOf(int row) => new RowSource(name, row, 1);
    }

    // Its nodes stand in the graph.
    private sealed class StandingProduct : GraphWeight
    {
        public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
            => throw new InvalidOperationException("The product stands in the graph already.");

        public override GraphValue Gather(NodeScope scope, GraphValue indices)
            => throw new InvalidOperationException("The matrix is no table.");
    }
}
