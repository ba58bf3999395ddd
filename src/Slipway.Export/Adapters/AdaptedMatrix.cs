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
        var narrow = own.Mul(own.MatMul(x, _factors.Value.Down), mask.Of(sources.Count));
        var added = own.MatMul(narrow, _factors.Value.Up);
        if (!scales)
        {
            return own.Add(plain.Multiply(scope, x, bias), added);
        }

        var sum = own.Add(plain.Multiply(scope, x, default), added);
        NodeScope scaling = new(scope.Graph, $"{own.Path}/scale");
        sum = scaling.Add(
            sum, scaling.Mul(sum, scaling.MatMul(mask.Of(sources.Count), _factors.Value.Scale)));
        return bias == default ? sum : new NodeScope(scope.Graph, $"{own.Path}/bias").Add(sum, bias);
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

    /// <summary>The name of the size of an adapted matrix' rank.</summary>
    public static string RankName(int layers) => layers == 1 ? "adapter_rank" : $"adapter_rank_x{layers}";

    /// <summary>float [batch, 1, layers · rank].</summary>
    /// <param name="layers">How many of the checkpoint's layers a matrix holds.</param>
    public GraphValue Of(int layers)
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
