using Slipway.Export.Quantization.Folding;
using Slipway.Export.Quantization.Graphs;
using Slipway.Onnx;

namespace Slipway.Export.Quantization.Rotation;

/// <summary>Turns a decoder's hidden states by an orthogonal matrix Q, which the weights around take up.</summary>
/// <remarks>
/// With x·Q in the place of hidden states x, RMS norms see the same length, and
/// <code>
/// embedding E          →  E·Q
/// norm weights w       →  1
/// matrices W behind    →  W·diag(w)·Q
/// matrices that write  →  Qᵀ·W
/// </code>
/// A head that is the embedding has diag(w) between Q and itself: one matrix Qᵀ·diag(w)·Q before the head takes hidden
/// states to where the embedding is, which is smaller than a head of its own. Values of attention's heads are turned
/// too, by the rows of V and the columns of the output's matrix. Source: Ashkboos et al., QuaRot (arXiv 2404.00456).
/// </remarks>
internal sealed class ResidualRotation
{
    private readonly Graph _graph;
    private readonly GraphTensors _tensors;
    private readonly GraphLayers _layers;
    private readonly OrthogonalMatrix _matrix;
    private readonly string _table;
    private readonly HashSet<string> _residual = new(StringComparer.Ordinal);
    private readonly HashSet<string> _normed = new(StringComparer.Ordinal);
    private readonly List<(string Value, Node Reader)> _joined = [];
    private readonly List<(Node Norm, string Weight)> _norms = [];
    private Node? _tiedHead;
    private string _tiedNorm = "";

    private ResidualRotation(Graph graph, GraphTensors tensors, Node embedding)
    {
        (_graph, _tensors, _table) = (graph, tensors, embedding.Inputs[0]);
        _layers = new GraphLayers(graph);
        _matrix = new OrthogonalMatrix((int)graph.FindInitializer(_table)!.Shape[1]);
        Reach(embedding.Outputs[0]);
    }

    private int Size => _matrix.Size;

    /// <summary>The name of the matrix before a head that is the embedding, by the embedding's.</summary>
    public static string HeadName(string embedding) => $"{embedding}.rotation";

    /// <summary>Rotates a graph; its constants are to be read from the tensors from then on.</summary>
    /// <param name="graph">The float graph; it stays as it is.</param>
    /// <param name="tensors">Its constants.</param>
    /// <returns>The graph, with a matrix more where the head is the embedding.</returns>
    /// <exception cref="NotSupportedException">Something meets hidden states that cannot take Q up.</exception>
    public static Graph Apply(Graph graph, GraphTensors tensors)
    {
        var embedding = graph.Nodes.FirstOrDefault(node => node.OpType == "Gather" && node.Inputs[1] == "input_ids"
            && graph.FindInitializer(node.Inputs[0]) is { Type: ElementType.Float32, Shape.Count: 2 })
            ?? throw new NotSupportedException(
                $"The model '{graph.Name}' looks no token embedding up in single precision, so it cannot be rotated. "
                + "Quantize it without rotation.");
        ResidualRotation rotation = new(graph, tensors, embedding);
        rotation.Edit();
        HeadRotation.Apply(graph, rotation._layers, tensors);
        return rotation.Written();
    }

    // Goes on from hidden states to all that reads them.
    private void Reach(string value)
    {
        if (!_residual.Add(value))
        {
            return;
        }

        if (_layers.IsFixed(value))
        {
            throw Unsupported($"are the graph's output '{value}'");
        }

        foreach (var node in _layers.Readers(value))
        {
            switch (node.OpType)
            {
                case "SimplifiedLayerNormalization" when node.Inputs[0] == value:
                    _norms.Add((node, node.Inputs[1]));
                    break;
                case "SkipSimplifiedLayerNormalization" when node.Inputs.Count == 3 && node.Inputs[2] != value:
                    _joined.Add((node.Inputs[node.Inputs[0] == value ? 1 : 0], node));
                    if (!_norms.Exists(norm => norm.Norm == node))
                    {
                        _norms.Add((node, node.Inputs[2]));
                    }

                    if (node.Outputs.ElementAtOrDefault(3) is { Length: > 0 } sum)
                    {
                        Reach(sum);
                    }

                    break;
                case "Add":
                    _joined.Add((node.Inputs[node.Inputs[0] == value ? 1 : 0], node));
                    Reach(node.Outputs[0]);
                    break;
                case "Mul" when IsNumber(node.Inputs[node.Inputs[0] == value ? 1 : 0]):
                case var _ when _layers.KeepsChannels(node, Size):
                    Reach(node.Outputs[0]);
                    break;
                case "Shape":
                    break;
                default:
                    throw Unsupported(node);
            }
        }
    }

    private void Edit()
    {
        foreach (var (norm, weight) in _norms)
        {
            _normed.Add(norm.Outputs[0]);
            if (!_layers.IsVector(weight, Size))
            {
                throw Unsupported(norm);
            }

            var weights = Read(weight);
            if (_layers.Matrices(norm.Outputs[0], Size) is { } matrices)
            {
                foreach (var matrix in matrices)
                {
                    _tensors.Edit(matrix.Name, new ConstantFactors(weights, matrix.IsTransposed));
                    _tensors.Edit(matrix.Name, new ConstantRotation(_matrix, matrix.IsTransposed, 0, Size));
                }
            }
            else
            {
                _tiedHead = TiedHead(norm.Outputs[0]) ?? throw Unsupported(norm);
                _tiedNorm = weight;
                continue;
            }

            _tensors.Edit(weight, new ConstantValues([.. Enumerable.Repeat(1f, Size)]));
        }

        if (_layers.Uses.Count(_table) != (_tiedHead is null ? 1 : 2))
        {
            throw Unsupported($"come from '{_table}', which has another use");
        }

        RotateColumns(_table);
        foreach (var (value, reader) in _joined.Where(joined => !_residual.Contains(joined.Value)).Distinct())
        {
            Write(value, reader);
        }
    }

    // The matrices that make what is added to hidden states.
    private void Write(string value, Node reader)
    {
        if (_layers.IsVector(value, Size))
        {
            RotateColumns(value);
            return;
        }

        if (_layers.IsFixed(value) || _layers.Uses.Count(value) != 1 || _layers.Uses.Maker(value) is not { } node)
        {
            throw Unsupported(reader);
        }

        switch (node.OpType)
        {
            case var _ when _layers.Linear(node) is { IsOwn: true } linear && linear.Outputs == Size:
                _tensors.Edit(linear.Name, new ConstantRotation(_matrix, !linear.IsTransposed, 0, Size));
                break;
            case "Add":
                Write(node.Inputs[0], node);
                Write(node.Inputs[1], node);
                break;
            case "Mul":
                Write(node.Inputs[IsNumber(node.Inputs[1]) ? 0 : IsNumber(node.Inputs[0]) ? 1
                    : throw Unsupported(node)], node);
                break;
            case "Reshape" when _layers.KeepsChannels(node, Size) || IsShapeOfHidden(node.Inputs[1]):
                Write(node.Inputs[0], node);
                break;
            case "Gather" when _layers.IsOwn(node.Inputs[0]) && GraphLayers.Attribute(node, "axis") == 0
                && _layers.ShapeOf(node.Inputs[0]) is [_, var width] && width == Size:
                RotateColumns(node.Inputs[0]);
                break;
            case GraphLayers.Mixture when _layers.IsOwn(node.Inputs[GraphLayers.SecondExperts]):
                var stack = node.Inputs[GraphLayers.SecondExperts];
                var shape = _layers.ShapeOf(stack)!;
                _tensors.Edit(
                    stack, new ConstantRotation(_matrix, IsRows: true, 0, checked((int)(shape[0] * shape[1]))));
                if (node.Inputs.ElementAtOrDefault(GraphLayers.SecondExpertsBias) is { Length: > 0 } bias)
                {
                    RotateColumns(_layers.IsOwn(bias) ? bias : throw Unsupported(node));
                }

                break;
            default:
                throw Unsupported(node);
        }
    }

    private void RotateColumns(string constant) =>
        _tensors.Edit(constant, new ConstantRotation(_matrix, IsRows: false, 0, Size));

    // A head that is the embedding, alone behind the last norm; null where something else is.
    private Node? TiedHead(string value) => _layers.Readers(value).ToArray() is [var node] && _tiedHead is null
        ? _layers.KeepsChannels(node, Size) ? TiedHead(node.Outputs[0])
            : _layers.Linear(node) is { IsTransposed: false } linear && linear.Name == _table ? node : null
        : null;

    private Graph Written()
    {
        if (_tiedHead is not { } head)
        {
            return _graph;
        }

        var (rotated, weights) = (new float[Size * Size], Read(_tiedNorm));
        for (var row = 0; row < Size; row++)
        {
            var values = rotated.AsSpan(row * Size, Size);
            values[row] = 1;
            _matrix.Apply(values);
        }

        // Row by row: (Qᵀ)ᵢ·diag(w), then by Q.
        var product = new float[Size * Size];
        Parallel.For(0, Size, row =>
        {
            var values = product.AsSpan(row * Size, Size);
            for (var column = 0; column < Size; column++)
            {
                values[column] = rotated[(column * Size) + row] * weights[column];
            }

            _matrix.Apply(values);
        });
        _tensors.Edit(_tiedNorm, new ConstantValues([.. Enumerable.Repeat(1f, Size)]));
        return TiedRotation.Insert(_graph, head, HeadName(_table), product, Size);
    }

    // A constant that is one number, or a value with one channel: a gate of all channels.
    private bool IsNumber(string value) => _layers.ShapeOf(value) is { } shape ? shape.All(size => size == 1)
        : _layers.Uses.Maker(value) is { } node && (_layers.Linear(node) is { Outputs: 1 }
            || (node.OpType is "Sigmoid" or "Cast" && IsNumber(node.Inputs[0]))
            || (node.OpType == "ReduceSum" && GraphLayers.Attribute(node, "keepdims", 1) == 1
                && _layers.IsLastAxis(node.Inputs.ElementAtOrDefault(1) ?? "")));

    private bool IsShapeOfHidden(string shape) => _layers.Uses.Maker(shape) is { OpType: "Shape" } node
        && (_residual.Contains(node.Inputs[0]) || _normed.Contains(node.Inputs[0]));

    private float[] Read(string vector)
    {
        var values = new float[Size];
        _tensors.ReadFloats(_graph.FindInitializer(vector)!, 0, values);
        return values;
    }

    private NotSupportedException Unsupported(Node node) =>
        Unsupported($"meet '{node.Name}' ({node.OpType})");

    private NotSupportedException Unsupported(string what) => new(
        $"The model '{_graph.Name}' cannot be rotated without changing its answers: its hidden states {what}. Only RMS "
        + "norms with weights of their own may read them, and only matrices may add to them. Quantize it without "
        + "rotation.");
}
