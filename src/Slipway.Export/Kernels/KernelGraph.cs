using Slipway.Onnx;

namespace Slipway.Export.Kernels;

/// <summary>Writes a graph down with the operators that Slipway computes itself on processors.</summary>
/// <remarks>
/// The graph reads and gives the same, and its constants stay in their file. Products of 4-bit weights take in the norm before
/// them, the sum after them, and the gate of a feed-forward layer. What the operators cannot do is left as it is.
/// </remarks>
internal sealed class KernelGraph
{
    /// <summary>The domain of the operators.</summary>
    public const string Domain = "slipway";

    private readonly Graph _graph;
    private readonly GraphUses _uses;
    private readonly Dictionary<string, KernelProduct> _products = new(StringComparer.Ordinal);
    private readonly Dictionary<string, KernelProduct> _emitted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Node> _replaced = new(StringComparer.Ordinal);
    private readonly HashSet<string> _dropped = new(StringComparer.Ordinal);

    private KernelGraph(Graph graph)
    {
        _graph = graph;
        _uses = new GraphUses(graph);
        foreach (Node node in graph.Nodes)
        {
            if (KernelProduct.Read(graph, node) is { } product)
            {
                _products.Add(node.Outputs[0], product);
                _emitted.Add(node.Name, product);
            }
        }
    }

    /// <summary>The operator sets of such a graph.</summary>
    public static IReadOnlyDictionary<string, long> OperatorSets { get; } =
        new Dictionary<string, long>(OnnxModel.DefaultOperatorSets) { [Domain] = 1 };

    /// <summary>Returns such a graph; null where the operators would do nothing in it.</summary>
    public static Graph? Convert(Graph graph)
    {
        KernelGraph conversion = new(graph);
        return conversion._products.Count > 0 || graph.Nodes.Any(node => KernelAttention.Convert(graph, node) is not null)
            ? conversion.Convert() : null;
    }

    /// <summary>Whether every layer of such a graph that keeps anything of a row leaves a row without a mask alone.</summary>
    public static bool SkipsRows(Graph graph)
    {
        HashSet<string> kept =
        [
            .. graph.Nodes
                .Where(node => node.Domain == Domain && KernelAttention.Operators.Contains(node.OpType))
                .SelectMany(node => node.Outputs.Skip(1)),
        ];
        return kept.Count > 0 && graph.Outputs
            .Where(output => output.Name.StartsWith("present", StringComparison.Ordinal))
            .All(output => kept.Contains(output.Name));
    }

    private Graph Convert()
    {
        foreach (Node node in _graph.Nodes)
        {
            JoinGate(node);
        }

        foreach (Node node in _graph.Nodes)
        {
            JoinSum(node);
        }

        foreach (Node node in _graph.Nodes)
        {
            JoinNorm(_replaced.GetValueOrDefault(node.Name, node));
        }

        return GraphCopy.Make(_graph, node =>
            _dropped.Contains(node.Name) ? []
            : _emitted.TryGetValue(node.Name, out KernelProduct? product)
                ? _replaced.TryGetValue(node.Name, out Node? rest) && !_dropped.Contains(rest.Name)
                    ? [product.ToNode(), rest] : [product.ToNode()]
            : [KernelAttention.Convert(_graph, node) ?? node]);
    }

    // up * (gate * sigmoid(gate)), which nothing else reads.
    private void JoinGate(Node node)
    {
        if (node.OpType != "Mul" || !_products.TryGetValue(node.Inputs[1], out KernelProduct? up)
            || _uses.Maker(node.Inputs[0]) is not { OpType: "Mul" } turned
            || _uses.Maker(turned.Inputs[1]) is not { OpType: "Sigmoid" } sigmoid
            || sigmoid.Inputs[0] != turned.Inputs[0]
            || !_products.TryGetValue(turned.Inputs[0], out KernelProduct? gate)
            || !up.FitsGate(gate)
            || _uses.Count(up.Output) != 1 || _uses.Count(gate.Output) != 2
            || _uses.Count(sigmoid.Outputs[0]) != 1 || _uses.Count(turned.Outputs[0]) != 1)
        {
            return;
        }

        _dropped.UnionWith([up.Name, gate.Name, sigmoid.Name, turned.Name]);
        Emit(node.Name, up with { Name = node.Name, Output = node.Outputs[0], Gate = gate });
        _ = _products.Remove(up.Output) && _products.Remove(gate.Output);
        _products.Add(node.Outputs[0], _emitted[node.Name]);
    }

    // x + product and its norm: the product adds x, and the norm reads what comes out.
    private void JoinSum(Node node)
    {
        if (node.OpType != "SkipSimplifiedLayerNormalization" || node.Inputs.Count != 3 || node.Outputs.Count < 4)
        {
            return;
        }

        int side = Array.FindIndex([0, 1], input => _products.TryGetValue(node.Inputs[input], out KernelProduct? made)
            && made is { Gate: null, Added: null } && _uses.Count(made.Output) == 1);
        if (side < 0)
        {
            return;
        }

        KernelProduct product = _products[node.Inputs[side]];
        string sum = node.Outputs[3].Length > 0 ? node.Outputs[3] : $"{node.Outputs[0]}/sum";
        _dropped.Add(product.Name);
        _ = _emitted.Remove(product.Name) && _products.Remove(product.Output);
        KernelProduct adding = product with { Output = sum, Added = node.Inputs[1 - side] };
        Emit(node.Name, adding);
        _products.Add(sum, adding);
        _replaced.Add(node.Name, new Node(
            $"{node.Name}/norm", OnnxModel.StandardDomain, "SimplifiedLayerNormalization", [sum, node.Inputs[2]],
            [node.Outputs[0]],
            [
                .. node.Attributes.Where(attribute => attribute.Name == "epsilon"), new NodeAttribute.Int("axis", -1),
                new NodeAttribute.Int("stash_type", 1),
            ]));
    }

    // A norm that only products read becomes theirs.
    private void JoinNorm(Node node)
    {
        if (node.OpType != "SimplifiedLayerNormalization" || _graph.FindInitializer(node.Inputs[1]) is not
            { Type: ElementType.Float32 } || node.Attributes.OfType<NodeAttribute.Float>().FirstOrDefault() is not { } epsilon)
        {
            return;
        }

        KeyValuePair<string, KernelProduct>[] readers =
            [.. _emitted.Where(pair => !_dropped.Contains(pair.Key) && pair.Value.X == node.Outputs[0])];
        if (readers.Sum(reader => reader.Value.Gate is null ? 1 : 2) != _uses.Count(node.Outputs[0])
            || readers.Any(reader => _graph.FindInitializer(node.Inputs[1])!.Shape is not [var width]
                || width != reader.Value.Inputs))
        {
            return;
        }

        foreach ((string at, KernelProduct product) in readers)
        {
            Emit(at, product with { X = node.Inputs[0], Norm = node.Inputs[1], Epsilon = epsilon.Value });
        }

        _dropped.Add(node.Name);
    }

    private void Emit(string at, KernelProduct product) => _emitted[at] = product;
}
