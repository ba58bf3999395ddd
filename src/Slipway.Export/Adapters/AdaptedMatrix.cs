using Slipway.Export.Weights;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.Export.Adapters;

/// <summary>
/// A matrix to whose products adapters add theirs, W·x + B·(mask ∘ A·x), and whose rows some scale (DoRA).
/// </summary>
/// <remarks>
/// <code>
/// x ─┬─ W ─────────────────────────────────────── Add ─
///    └─ MatMul lora_A ── Mul mask ── MatMul lora_B ──┘
/// </code>
/// Where an adapter scales rows, the sum is multiplied by 1 + mask · lora_scale, [batch, 1, rows], before the bias. All
/// of these are optional inputs that are empty where no adapter is in use.
/// </remarks>
internal sealed class AdaptedMatrix(
    string layer, GraphWeight plain, Weight weight, AdapterMask mask, IReadOnlyList<string> sources,
    bool scales) : GraphWeight
{
    private (GraphValue Down, GraphValue Up, GraphValue Scale)? _factors;

    /// <summary>The layer's name, with which the inputs' names begin.</summary>
    public string Layer => layer;

    /// <summary>The matrix without adapters.</summary>
    public Weight Weight => weight;

    /// <summary>The checkpoint's layers in it that adapters change.</summary>
    public IReadOnlyList<string> Sources => sources;

    /// <summary>Tells whether an adapter scales its rows.</summary>
    public bool Scales => scales;

    /// <summary>Tells whether the graph multiplies by it.</summary>
    public bool IsUsed => _factors is not null;

    public override GraphValue Multiply(NodeScope scope, GraphValue x, GraphValue bias)
    {
        if (!scales)
        {
            return Adapt(scope, x, BatchPlace.First, () => plain.Multiply(scope, x, bias));
        }

        var sum = Adapt(scope, x, BatchPlace.First, () => plain.Multiply(scope, x, default));
        return bias == default ? sum : new NodeScope(scope.Graph, $"{scope.Path}/lora/bias").Add(sum, bias);
    }

    /// <summary>Adds what adapters add to a product with the matrix, and scales its rows where they do.</summary>
    /// <param name="scope">Where nodes go.</param>
    /// <param name="x">[…, columns].</param>
    /// <param name="place">Where the batch is in it.</param>
    /// <param name="product">Makes x · weightᵀ, […, rows].</param>
    public GraphValue Adapt(NodeScope scope, GraphValue x, BatchPlace place, Func<GraphValue> product)
    {
        var rank = AdapterMask.RankName(sources.Count);
        _factors ??= (
            scope.Graph.AddOptionalInput(
                Empty($"{layer}.lora_A", weight.Columns, 0), weight.Columns, rank),
            scope.Graph.AddOptionalInput(
                Empty($"{layer}.lora_B", 0, weight.Rows), rank, weight.Rows),
            scales
                ? scope.Graph.AddOptionalInput(Empty($"{layer}.lora_scale", 0, weight.Rows), rank, weight.Rows)
                : default);
        NodeScope own = new(scope.Graph, $"{scope.Path}/lora");
        var chosen = mask.Of(sources.Count, place);
        var narrow = own.Mul(own.MatMul(Apart(x, weight.Columns), _factors.Value.Down), chosen);
        var added = own.MatMul(narrow, _factors.Value.Up);
        var plainSum = product();
        var sum = own.Add(scales ? Apart(plainSum, weight.Rows) : plainSum, scales ? added : Together(added));
        if (!scales)
        {
            return sum;
        }

        NodeScope scaling = new(scope.Graph, $"{own.Path}/scale");
        return Together(scaling.Add(sum, scaling.Mul(sum, scaling.MatMul(chosen, _factors.Value.Scale))));

        // [batch · time, size] → [batch, time, size], and back
        GraphValue Apart(GraphValue value, long size) => place != BatchPlace.Merged ? value
            : own.Reshape(value, own.Concat(0, mask.Batch, own.Ints(-1, size)));
        GraphValue Together(GraphValue value) => place != BatchPlace.Merged ? value
            : own.Reshape(value, -1, weight.Rows);
    }

    public override GraphValue Gather(NodeScope scope, GraphValue indices) => throw new NotSupportedException(
        $"An adapter changes '{sources[0]}', which is a table of rows, not a linear layer. Such an adapter cannot be "
        + "switched per request: merge it at export instead.");

    internal static Initializer Empty(string name, params IReadOnlyList<long> shape) =>
        new(name, ElementType.Float32, shape, new TensorData.Inline(ReadOnlyMemory<byte>.Empty));
}

/// <summary>Which of the adapters' ranks each row of the batch uses: the graph's input <c>adapter_mask</c>.</summary>
internal sealed class AdapterMask(Graph graph)
{
    private readonly Dictionary<int, GraphValue> _repeated = [];
    private readonly Dictionary<int, GraphValue> _turned = [];
    private GraphValue? _batch;

    /// <summary>int64 [1]: the rows that adapters are chosen for, one where none is in use.</summary>
    public GraphValue Batch => _batch ??= new NodeScope(graph, "/adapter_mask").Gather(
        new NodeScope(graph, "/adapter_mask").Shape(Of(1)), new NodeScope(graph, "/adapter_mask").Ints(0));

    /// <summary>The name of the size of an adapted matrix' rank.</summary>
    public static string RankName(int layers) => layers == 1 ? "adapter_rank" : $"adapter_rank_x{layers}";

    /// <summary>float [batch, 1, layers · rank], or [1, batch, layers · rank] where the batch is second.</summary>
    /// <param name="layers">How many of the checkpoint's layers a matrix holds.</param>
    /// <param name="place">Where the batch is.</param>
    public GraphValue Of(int layers, BatchPlace place)
    {
        if (place != BatchPlace.Second)
        {
            return Of(layers);
        }

        if (!_turned.TryGetValue(layers, out var mask))
        {
            mask = new NodeScope(graph, $"/adapter_mask/x{layers}").Transpose(Of(layers), 1, 0, 2);
            _turned.Add(layers, mask);
        }

        return mask;
    }

    private GraphValue Of(int layers)
    {
        if (_repeated.Count == 0)
        {
            _repeated[1] = graph.AddOptionalInput(
                AdaptedMatrix.Empty("adapter_mask", 1, 1, 0), "adapter_batch", 1, RankName(1));
        }

        if (!_repeated.TryGetValue(layers, out var mask))
        {
            mask = new NodeScope(graph, $"/adapter_mask/x{layers}")
                .Concat(2, [.. Enumerable.Repeat(_repeated[1], layers)]);
            _repeated.Add(layers, mask);
        }

        return mask;
    }
}
