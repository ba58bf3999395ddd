using Slipway.Onnx;
using Slipway.Onnx.Serialization;
using Slipway.Torch;
using static TorchSharp.torch;

namespace Slipway.Training.Graphs;

/// <summary>Computes a decoder's graph over whole sequences, with gradients of what stands in for constants.</summary>
/// <remarks>
/// The graph is one that this library exports. Caches are empty, every position's logits are kept, and inputs of
/// products are not rounded. One thread at a time. Constants are read when they are first needed, and live as long as
/// this.
/// </remarks>
internal sealed class GraphModel : IDisposable
{
    private const string Ids = "input_ids", Mask = "attention_mask", Kept = "logits_to_keep", Logits = "logits";

    private readonly Graph _graph;
    private readonly GraphConstants _constants;
    private readonly Dictionary<TensorData, QuantizedWeight> _weights = [];
    private readonly Dictionary<string, Func<Tensor>> _overrides = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int> _lastUses = new(StringComparer.Ordinal);

    private GraphModel(Graph graph, string folder)
    {
        _graph = graph;
        _constants = new GraphConstants(graph, folder);
        for (var index = 0; index < graph.Nodes.Count; index++)
        {
            foreach (var name in graph.Nodes[index].Inputs)
            {
                _lastUses[name] = index;
            }
        }
    }

    public Graph Graph => _graph;

    public GraphConstants Constants => _constants;

    /// <summary>Opens a graph.</summary>
    /// <param name="path">The <c>.onnx</c> file of a decoder.</param>
    /// <exception cref="NotSupportedException">It has an operator that is not computed here.</exception>
    /// <exception cref="OnnxException">The file is no ONNX model.</exception>
    public static GraphModel Open(string path)
    {
        _ = NativeTorch.Require(path);
        var graph = OnnxFile.Read(path).Graph;
        GraphOperators.RequireAll(graph);
        return new GraphModel(graph, Path.GetDirectoryName(Path.GetFullPath(path))!);
    }

    /// <summary>Computes the logits of every position.</summary>
    /// <param name="ids">int64 [batch, sequence].</param>
    /// <returns>float32 [batch, sequence, vocabulary].</returns>
    public Tensor Forward(Tensor ids)
    {
        using var scope = NewDisposeScope();
        var values = _graph.Inputs.ToDictionary(
            port => port.Name, port => Input(port, ids), StringComparer.Ordinal);
        for (var index = 0; index < _graph.Nodes.Count; index++)
        {
            var node = _graph.Nodes[index];
            Compute(values, node);

            Release(values, node, index);
        }

        return values[Logits].MoveToOuterDisposeScope();
    }

    /// <summary>Computes what stands in for a constant, once a run.</summary>
    public void OverrideWith(string name, Func<Tensor> value) => _overrides[name] = value;

    public void Dispose()
    {
        _constants.Dispose();
        foreach (var weight in _weights.Values)
        {
            weight.Dispose();
        }
    }

    // What a node computes on its way is let go with it.
    private void Compute(Dictionary<string, Tensor> values, Node node)
    {
        var inputs = Inputs(values, node);
        using var scope = NewDisposeScope();
        var outputs = GraphOperators.All[node.OpType](new GraphCall(node, inputs, WeightOf));
        for (var output = 0; output < node.Outputs.Count; output++)
        {
            if (node.Outputs[output].Length > 0)
            {
                values[node.Outputs[output]] = outputs[output].MoveToOuterDisposeScope();
            }
        }
    }

    private Tensor Input(GraphPort port, Tensor ids) => port.Name switch
    {
        Ids => ids,
        Mask => ones(ids.shape, ScalarType.Int64),
        Kept => tensor([ids.shape[1]]),
        _ when _constants.Has(port.Name) => _constants[port.Name],
        _ => zeros([.. port.Shape.Select(size => size.Size ?? (size.Name == "batch" ? ids.shape[0] : 0))]),
    };

    private Tensor?[] Inputs(Dictionary<string, Tensor> values, Node node)
    {
        var packed = QuantizedOperators.PackedInputs(node.OpType);
        return [.. node.Inputs.Select((name, index) => name.Length == 0 || packed.Contains(index)
            ? null : Value(values, name))];
    }

    private Tensor Value(Dictionary<string, Tensor> values, string name) =>
        values.TryGetValue(name, out var value) ? value
        : _overrides.TryGetValue(name, out var compute) ? values[name] = compute()
        : _constants[name];

    // The embedding and the head may have the same values.
    private QuantizedWeight WeightOf(Node node)
    {
        var place = _constants.PlaceOf(node.Inputs[QuantizedOperators.PackedInputs(node.OpType)[0]]);
        if (!_weights.TryGetValue(place, out var weight))
        {
            _weights.Add(place, weight = QuantizedOperators.Unpack(node, _constants));
        }

        return weight;
    }

    private bool IsLasting(string name) => _constants.Has(name) && !_overrides.ContainsKey(name);

    // Tensors are let go when nothing reads them any more; autograd keeps what it needs by itself.
    private void Release(Dictionary<string, Tensor> values, Node node, int index)
    {
        foreach (var name in node.Inputs.Concat(node.Outputs))
        {
            if (_lastUses.GetValueOrDefault(name, -1) <= index && name is not (Ids or Logits) && !IsLasting(name)
                && values.Remove(name, out var value))
            {
                value.Dispose();
            }
        }
    }
}
