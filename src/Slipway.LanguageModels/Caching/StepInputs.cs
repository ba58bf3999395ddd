using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Caching;

/// <summary>The inputs of a graph of steps, and what follows from them alone.</summary>
/// <remarks>
/// A row's tokens stand at the beginning of its cache: the new ones at first, first + 1, … of each row, of which the
/// attention mask tells the length. Keys beyond a row's length are later than all of its queries, so that the module's
/// own causality closes them.
/// </remarks>
internal sealed class StepInputs
{
    // Names of its own, apart from those of the traced graph's constants.
    private const string Root = "/step-graph";

    private readonly Dictionary<string, GraphValue> _made = new(StringComparer.Ordinal);
    private readonly NodeScope _scope;
    private readonly GraphValue _mask;
    private readonly int _context;

    /// <param name="graph">The graph.</param>
    /// <param name="context">The longest sequence; tables are read no further.</param>
    public StepInputs(Graph graph, int context)
    {
        _context = context;
        Ids = graph.AddInput("input_ids", ElementType.Int64, "batch", "sequence");
        _mask = graph.AddInput("attention_mask", ElementType.Int64, "batch", "total");
        Kept = graph.AddOptionalInput(
            new Initializer("logits_to_keep", ElementType.Int64, [1], new TensorData.Inline(new byte[sizeof(long)])));
        _scope = Scope(graph, "");
    }

    /// <summary>The place of nodes that stand for those of a traced graph.</summary>
    /// <param name="graph">The graph of steps.</param>
    /// <param name="traced">The name of a traced node; empty for the top.</param>
    public static NodeScope Scope(Graph graph, string traced)
        => new(graph, Root + traced[..Math.Max(traced.LastIndexOf('/'), 0)]);

    /// <summary>int64 [batch, sequence].</summary>
    public GraphValue Ids { get; }

    /// <summary>int64 [1]: how many of the last positions get logits; 0 is all.</summary>
    public GraphValue Kept { get; }

    /// <summary>int64 [batch]: the length of each row after this step.</summary>
    public GraphValue Lengths => Once("lengths", () => _scope.ReduceSum(_mask, keep: false, 1));

    /// <summary>int32 [batch]: the length of each row − 1.</summary>
    public GraphValue LastPositions => Once(
        "last", () => _scope.Cast(_scope.Sub(Lengths, _scope.Int(1)), ElementType.Int32));

    /// <summary>int32 scalar: the columns of the attention mask.</summary>
    public GraphValue TotalLength => Once(
        "total", () => _scope.Cast(_scope.Gather(_scope.Shape(_mask), _scope.Int(1)), ElementType.Int32));

    /// <summary>int64 [1]: rows.</summary>
    public GraphValue Batch => Once("batch", () => _scope.Gather(IdShape, _scope.Ints(0)));

    /// <summary>int64 [1]: new tokens of a row.</summary>
    public GraphValue Count => Once("count", () => _scope.Gather(IdShape, _scope.Ints(1)));

    /// <summary>int64 [1]: the length of the longest row.</summary>
    public GraphValue Longest => Once("longest", () => Node(
        "Min", Node("ReduceMax", Lengths, _scope.Ints(0)), _scope.Ints(_context)));

    /// <summary>int64 [batch, sequence]: the place of each new token in its row's cache.</summary>
    public GraphValue Positions => Once("positions", () =>
    {
        var first = Node("Max", _scope.Sub(Lengths, Count), _scope.Int(0));
        return _scope.Add(
            _scope.Reshape(first, -1, 1),
            _scope.Range(_scope.Int(0), Node("Squeeze", Count, _scope.Ints(0)), _scope.Int(1)));
    });

    /// <summary>int64 [batch, sequence]: the row of tables that belongs to each new token.</summary>
    /// <remarks>What runs beyond a row's end, and means nothing, reads the last one.</remarks>
    public GraphValue TableRows => Once(
        "rows", () => Node("Min", Positions, _scope.Sub(Longest, _scope.Int(1))));

    /// <summary>int64 [batch, heads, sequence, 3]: the places of new tokens in a cache.</summary>
    public GraphValue Places(long heads) => Once($"places {heads}", () =>
    {
        var shape = _scope.Concat(0, Batch, _scope.Ints(heads), Count, _scope.Ints(1));
        GraphValue Spread(GraphValue numbers, params long[] as4) =>
            _scope.Expand(_scope.Reshape(numbers, as4), shape);
        var rows = _scope.Range(_scope.Int(0), Node("Squeeze", Batch, _scope.Ints(0)), _scope.Int(1));
        var numbers = _scope.Ints([.. Enumerable.Range(0, (int)heads).Select(head => (long)head)]);
        return _scope.Concat(
            -1, Spread(rows, -1, 1, 1, 1), Spread(numbers, 1, -1, 1, 1),
            _scope.Expand(_scope.Reshape(Positions, 0, 1, -1, 1), shape));
    });

    /// <summary>An integer that follows from the sizes of a step, int64 [1].</summary>
    /// <param name="form">The expression of the traced sizes.</param>
    /// <param name="isWhole">Whether all positions count, or the new ones.</param>
    public GraphValue Size(SizeForm form, bool isWhole = true)
    {
        if (form.IsFixed)
        {
            return _scope.Ints(form.Value);
        }

        return Once($"size {form} {isWhole}", () =>
        {
            List<GraphValue> factors =
            [
                .. Enumerable.Repeat(Batch, form.Batch),
                .. Enumerable.Repeat(isWhole ? Longest : Count, form.Time),
            ];
            if (form.Factor != 1)
            {
                factors.Add(_scope.Ints(form.Factor));
            }

            var product = factors.Aggregate((left, right) => _scope.Mul(left, right));
            return form.Offset == 0 ? product : _scope.Add(product, _scope.Ints(form.Offset));
        });
    }

    /// <summary>Integers that follow from the sizes of a step, int64 [count], or a scalar.</summary>
    public GraphValue Sizes(IReadOnlyList<SizeForm> forms, bool isScalar)
    {
        if (forms.All(form => form.IsFixed))
        {
            return isScalar ? _scope.Int(forms[0].Value) : _scope.Ints([.. forms.Select(form => form.Value)]);
        }

        return Once($"sizes {string.Join(';', forms)} {isScalar}", () => isScalar
            ? Node("Squeeze", Size(forms[0]), _scope.Ints(0))
            : forms.Count == 1 ? Size(forms[0]) : _scope.Concat(0, [.. forms.Select(form => Size(form))]));
    }

    private GraphValue IdShape => Once("shape", () => _scope.Shape(Ids));

    private GraphValue Node(string operation, params IReadOnlyList<GraphValue> inputs)
        => operation == "ReduceMax"
            ? _scope.AddNode(OnnxModel.StandardDomain, operation, inputs, new NodeAttribute.Int("keepdims", 1))
            : _scope.AddNode(OnnxModel.StandardDomain, operation, inputs);

    private GraphValue Once(string name, Func<GraphValue> make)
    {
        if (!_made.TryGetValue(name, out var value))
        {
            _made[name] = value = make();
        }

        return value;
    }
}
