using Slipway.Export.Adapters;
using Slipway.LanguageModels.Attention;
using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Caching;

/// <summary>Turns a traced graph from ids to logits into one that runs the new tokens of sequences.</summary>
/// <remarks>
/// Values that ids do not decide (masks, tables of positions) are computed for all positions, and where they meet the
/// new tokens their rows are looked up by position. Values made of ids have the new tokens on their first axis of
/// time, and all tokens on others: where an operator works across positions, or needs all of them, its input is kept
/// from step to step, in the smallest form that it had before. What no rule knows is computed for all tokens, and the
/// rows of the new ones are taken, so that the worst of graphs keeps the ids and computes everything anew.
/// </remarks>
internal sealed class CachedGraph
{
    private readonly GraphFacts _facts;
    private readonly Dictionary<string, GraphValue> _whole = new(StringComparer.Ordinal);
    private readonly Dictionary<string, GraphValue?> _new = new(StringComparer.Ordinal);
    private readonly HashSet<string> _recomputed = new(StringComparer.Ordinal);
    private readonly Dictionary<string, FusedAttention> _fused;
    private readonly Dictionary<string, BatchPlace?> _places = new(StringComparer.Ordinal);
    private readonly Arrangement _arrangement;
    private readonly CacheStore _store;
    private readonly TableRows _tables;
    private readonly NodeScope _root;
    private readonly bool _keepsIdsOnly;

    private CachedGraph(GraphFacts facts, int context, IReadOnlyList<FusedAttention>? fused)
    {
        _keepsIdsOnly = fused is null;
        _facts = facts;
        Graph = new Graph(facts.Graph.Name);
        Inputs = new StepInputs(Graph, context);
        _root = StepInputs.Scope(Graph, "");
        _arrangement = new Arrangement(_root, Inputs);
        _store = new CacheStore(Graph, Inputs, _arrangement);
        _tables = new TableRows(facts, Graph, Inputs, _arrangement, Whole);
        _fused = (fused ?? []).ToDictionary(attention => attention.Output, StringComparer.Ordinal);
    }

    public Graph Graph { get; }

    public StepInputs Inputs { get; }

    /// <summary>Everything that the graph declared to keep; what is not read is left out later.</summary>
    public IReadOnlyList<CacheEntry> Caches => _store.Entries;

    /// <summary>Values that are computed for all tokens in each step, because no rule knows their operators.</summary>
    public IReadOnlyCollection<string> Recomputed => _recomputed;

    /// <summary>The number of attentions that one operator computes.</summary>
    public int FusedAttentions => _fused.Count;

    /// <summary>Builds the graph, with an output <c>logits</c>.</summary>
    /// <param name="facts">The traced graph.</param>
    /// <param name="context">The longest sequence.</param>
    /// <param name="fused">Attention that one operator computes; null to keep ids and compute everything anew.</param>
    public static CachedGraph Build(GraphFacts facts, int context, IReadOnlyList<FusedAttention>? fused)
    {
        CachedGraph made = new(facts, context, fused);
        made.Build();
        return made;
    }

    /// <summary>The name of a traced value's new positions in this graph; null where they do not exist.</summary>
    public string? NameOf(string value) => _new.GetValueOrDefault(value)?.Name;

    /// <summary>
    /// Finds where the rows of a batch are in one of this graph's values; null where they are elsewhere, or the value
    /// has none.
    /// </summary>
    public BatchPlace? BatchPlaceOf(string name) => _places.GetValueOrDefault(name);

    private void Place(string name, Axis?[] axes)
    {
        BatchPlace? place = axes switch
        {
            [{ IsBatch: true }, { IsTime: true }, { IsFixed: true }] => BatchPlace.First,
            [{ IsTime: true }, { IsBatch: true }, { IsFixed: true }] => BatchPlace.Second,
            [{ Factors: [{ Kind: FactorKind.Batch }, { Kind: FactorKind.Time }] }, { IsFixed: true }]
                => BatchPlace.Merged,
            _ => null,
        };
        if (place is not null)
        {
            _places[name] = place;
        }
    }

    private void Build()
    {
        _new[_facts.Ids] = Inputs.Ids;
        foreach (var node in _keepsIdsOnly ? [] : _facts.Graph.Nodes)
        {
            foreach (var output in node.Outputs.Where(
                output => output.Length > 0 && _facts[output] is { DependsOnIds: true, HasTime: true }))
            {
                _ = New(output);
            }
        }

        var logits = _facts.Graph.Outputs[0].Name;
        var kept = LogitsHead.Find(_facts, logits) is { } head && New(head.Input) is { } hidden
            ? head.Emit(Graph, Slice(hidden), operand => Whole(operand), Copy)
            : Slice(New(logits) ?? throw new NotSupportedException("The logits have no axis of positions."));
        _ = _root.AddNode(OnnxModel.StandardDomain, "Identity", [kept], ["=logits"], []);
        foreach (var (traced, value) in _new.Concat(
            _whole.Select(pair => KeyValuePair.Create(pair.Key, (GraphValue?)pair.Value))))
        {
            if (value is { } known)
            {
                Place(known.Name, _facts[traced].Axes);
            }
        }
    }

    // The last positions, all where none are asked for.
    private GraphValue Slice(GraphValue value)
    {
        var kept = _root.Slice(value, _root.Neg(Inputs.Kept), _root.Ints(long.MaxValue), _root.Ints(1));
        Place(kept.Name, [Axis.Batch, Axis.Time, Axis.Fixed(1)]);
        return kept;
    }

    // The value for all positions.
    private GraphValue Whole(string value)
    {
        if (_whole.TryGetValue(value, out var known))
        {
            return known;
        }

        if (_facts.Graph.FindInitializer(value) is { } constant)
        {
            return _whole[value] = Graph.FindInitializer(value) is null
                ? Graph.AddInitializer(constant) : new GraphValue(value);
        }

        var facts = _facts[value];
        if (!facts.DependsOnIds)
        {
            return _whole[value] = facts.Integers is { Length: > 0 } forms
                ? Inputs.Sizes(forms, facts.Rank == 0) : Computed(value);
        }

        if (facts.HasTime && (value == _facts.Ids || !_keepsIdsOnly) && KeptForm(value) == value
            && New(value) is { } rows && !_recomputed.Contains(value))
        {
            return _whole[value] = _store.Keep(value, facts, rows);
        }

        return value == _facts.Ids
            ? throw new InvalidOperationException("Ids can always be kept.") : _whole[value] = Computed(value);
    }

    private GraphValue Computed(string value)
    {
        var node = _facts.Maker(value)!;
        if (node is { OpType: "Shape" } && node.Inputs[0] == _facts.Ids)
        {
            return Inputs.Sizes([new(1, 1, 0, 0), new(1, 0, 1, 0)], isScalar: false);
        }

        var outputs = Copy(node, [.. node.Inputs.Select(input => input.Length == 0 ? default : Whole(input))]);
        for (var index = 0; index < outputs.Count; index++)
        {
            if (node.Outputs[index].Length > 0)
            {
                _whole.TryAdd(node.Outputs[index], outputs[index]);
            }
        }

        return _whole[value];
    }

    // The smallest form that a value had on its way: grouped heads before they are repeated.
    private string? KeptForm(string value)
    {
        string? best = null;
        for (var form = value; ;)
        {
            if (CacheStore.CanKeep(_facts[form]) && (best is null || IsSmaller(_facts[form], _facts[best])))
            {
                best = form;
            }

            if (_facts.Maker(form) is not { } node || !AxisRules.IsMoving(node)
                || !_facts[node.Inputs[0]].DependsOnIds)
            {
                return best;
            }

            form = node.Inputs[0];
        }
    }

    private static bool IsSmaller(ValueFacts one, ValueFacts other)
        => (CacheStore.SizeOf(one), CacheStore.IsDirect(one) ? 0 : 1)
            .CompareTo((CacheStore.SizeOf(other), CacheStore.IsDirect(other) ? 0 : 1)) < 0;

    // The value with the new positions on its first axis of time; null where nothing gives it.
    private GraphValue? New(string value)
    {
        if (_new.TryGetValue(value, out var known))
        {
            return known;
        }

        var facts = _facts[value];
        if (!facts.HasTime)
        {
            return _new[value] = Whole(value);
        }

        if (_fused.TryGetValue(value, out var attention))
        {
            return _new[value] = FusedAttentionEmitter.Emit(
                attention, Graph, Inputs, _store, source => New(source)!.Value);
        }

        var node = _facts.Maker(value)!;
        if (!_keepsIdsOnly && ByRule(node) is { } outputs)
        {
            for (var index = 0; index < outputs.Count; index++)
            {
                if (node.Outputs[index].Length > 0)
                {
                    _new[node.Outputs[index]] = outputs[index];
                }
            }

            return _new[value];
        }

        // A value that is to be kept cannot be made of itself.
        _new[value] = null;
        if (!facts.IsKnown || facts.FirstTime < 0 || !facts.HasBatch)
        {
            return null;
        }

        _recomputed.Add(value);
        return _new[value] = _arrangement.TakeRows(
            Whole(value), [.. facts.Axes.Select(axis => axis!)], facts.FirstTime);
    }

    private IReadOnlyList<GraphValue>? ByRule(Node node)
    {
        var facts = _facts[node.Outputs[0]];
        if (facts.FirstTime < 0 || !facts.IsKnown
            || node.Outputs.Any(output => output.Length > 0 && _facts[output].FirstTime != facts.FirstTime))
        {
            return null;
        }

        Axis[] axes = [.. facts.Axes.Select(axis => axis!)];
        switch (node.OpType)
        {
            case "Reshape" when _facts[node.Inputs[0]].IsKnown:
                return New(node.Inputs[0]) is { } source
                    ? Copy(node, [source, _arrangement.Shape(
                        [.. _facts[node.Inputs[0]].Axes.Select(axis => axis!)], axes, Span.New)])
                    : null;
            case "Expand" when Operand(node, 0, facts, AxisRules.Map(node, _facts)![0]!) is { } small:
                return Copy(node, [small, _arrangement.Expansion(_facts[node.Inputs[0]].Axes, axes, Span.New)]);
            case "Trilu" when facts.FirstTime == facts.Rank - 2
                && Array.FindIndex(axes, axis => axis.IsBatch) is >= 0 and var rows
                && New(node.Inputs[0]) is { } full:
                return [_tables.Triangle(node, full, facts.Rank, rows)];
        }

        // What works across the positions gives all of them.
        if (axes[facts.FirstTime].IsLonger || AxisRules.Map(node, _facts) is not { } maps
            || !maps.Zip(node.Inputs).Any(pair => Follows(pair.First, pair.Second, facts.FirstTime)))
        {
            return null;
        }

        var inputs = new GraphValue[node.Inputs.Count];
        for (var index = 0; index < inputs.Length; index++)
        {
            if (node.Inputs[index].Length == 0)
            {
                continue;
            }

            if (maps[index] is not { } map)
            {
                if (_facts[node.Inputs[index]] is { DependsOnIds: true } or { HasTime: true }
                    || _facts[node.Inputs[index]].Integers?.Any(form => form.Time > 0) == true)
                {
                    return null;
                }

                inputs[index] = Whole(node.Inputs[index]);
            }
            else if (Operand(node, index, facts, map) is { } operand)
            {
                inputs[index] = operand;
            }
            else
            {
                return null;
            }
        }

        return Copy(node, inputs);
    }

    private bool Follows(int[]? map, string input, int time) => map is not null && Enumerable.Range(0, map.Length).Any(
        axis => map[axis] == time && _facts[input].Axes[axis] is not { HasTime: false });

    // An operand with the positions that the output's axes have.
    private GraphValue? Operand(Node node, int index, ValueFacts output, int[] map)
    {
        var value = node.Inputs[index];
        var facts = _facts[value];
        if (!facts.HasTime)
        {
            return Whole(value);
        }

        if (Unexpanded(node, index, output) is { } small)
        {
            return Whole(small);
        }

        var axis = Enumerable.Range(0, facts.Rank).Where(
            at => facts.Axes[at] is not { HasTime: false } && map[at] == output.FirstTime)
            .DefaultIfEmpty(-1).First();
        if (axis < 0)
        {
            return Whole(value);
        }

        if (!facts.IsKnown)
        {
            return null;
        }

        if (facts.DependsOnIds && axis == facts.FirstTime)
        {
            return New(value);
        }

        if (!facts.DependsOnIds && AxisRules.Broadcasts(node) && _tables.Find(value, axis) is { } rows)
        {
            return _tables.Place(rows, _facts[rows.Source], output);
        }

        return facts.HasBatch
            ? _arrangement.TakeRows(Whole(value), [.. facts.Axes.Select(one => one!)], axis) : null;
    }

    // A constant that was spread over the positions, where another operand has them all.
    private string? Unexpanded(Node node, int index, ValueFacts output)
        => AxisRules.IsElementwise(node) && _facts.Maker(node.Inputs[index]) is { OpType: "Expand" } spread
            && _facts[spread.Inputs[0]] is { DependsOnIds: false, HasTime: false }
            && node.Inputs.Where((input, other) => other != index && input.Length > 0).Any(input =>
                _facts[input].DependsOnIds
                && _facts[input].Shapes.Zip(output.Shapes).All(pair => pair.First.AsSpan().SequenceEqual(pair.Second)))
            ? spread.Inputs[0] : null;

    private IReadOnlyList<GraphValue> Copy(Node node, IReadOnlyList<GraphValue> inputs)
    {
        var scope = StepInputs.Scope(Graph, node.Name);
        if (node.OpType is "Gemm" && AxisRules.Int(node, "transA", 0) == 0 && IsPlain(node))
        {
            var product = scope.AddNode(
                OnnxModel.ContribDomain, "FusedMatMul", [inputs[0], inputs[1]],
                new NodeAttribute.Int("transB", AxisRules.Int(node, "transB", 0)));
            return [inputs.Count > 2 && inputs[2] != default ? scope.Add(product, inputs[2]) : product];
        }

        // A weight that is read as a table too is stored once, and turned by the product.
        if (node.OpType == "MatMul" && _facts.Maker(node.Inputs[1]) is { OpType: "Transpose" } turned
            && _facts.Graph.FindInitializer(turned.Inputs[0]) is { Shape.Count: 2 })
        {
            return [scope.AddNode(
                OnnxModel.ContribDomain, "FusedMatMul", [inputs[0], Whole(turned.Inputs[0])],
                new NodeAttribute.Int("transB", 1))];
        }

        return scope.AddNode(
            node.Domain, node.OpType, inputs,
            [.. node.Outputs.Select((output, at) => output.Length == 0 ? "" : $"output_{at}")], node.Attributes);
    }

    private static bool IsPlain(Node node) => node.Attributes.OfType<NodeAttribute.Float>()
        .All(attribute => attribute.Value.Equals(1f));
}
