using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Caching;

/// <summary>Rows of a table, one for each new token: the table's axes after an axis of the batch.</summary>
/// <param name="Value">[batch, …] with the new positions on one of the table's axes.</param>
/// <param name="Source">The traced value whose axes follow the batch.</param>
internal sealed record RowsOfTable(GraphValue Value, string Source);

/// <summary>Looks up the rows of values that ids do not decide, by the positions of the new tokens.</summary>
/// <remarks>
/// The look-up is pushed towards the inputs through operators that work along the axis element by element, so that a
/// mask of all pairs of positions is never made for one token.
/// </remarks>
internal sealed class TableRows(
    GraphFacts facts, Graph graph, StepInputs inputs, Arrangement arrangement, Func<string, GraphValue> whole)
{
    private readonly Dictionary<(string, int), RowsOfTable?> _found = [];
    private readonly NodeScope _scope = StepInputs.Scope(graph, "/tables/");

    /// <summary>Finds the rows along an axis; null where the table has rows of the batch itself.</summary>
    public RowsOfTable? Find(string value, int axis)
    {
        if (!_found.TryGetValue((value, axis), out var rows))
        {
            _found[(value, axis)] = rows = Make(value, axis);
        }

        return rows;
    }

    /// <summary>Brings rows to the place that the batch has in the output of an operator that broadcasts.</summary>
    public GraphValue? Place(RowsOfTable rows, ValueFacts source, ValueFacts output)
    {
        var at = Array.FindIndex(output.Axes, axis => axis!.HasBatch);
        var missing = output.Rank - source.Rank;
        if (at < 0 || (at >= missing && source.Axes[at - missing] is not { Factors.Count: 0 }))
        {
            return null;
        }

        // [batch, x…] → [batch, 1…, x…] → the batch at its place, where x has size 1
        var value = Widen(rows.Value, missing);
        if (at == 0)
        {
            value = Squeeze(value, 1);
        }
        else
        {
            value = Squeeze(value, at + 1);
            value = arrangement.Permute(
                value, [.. Enumerable.Range(1, at), 0, .. Enumerable.Range(at + 1, output.Rank - at - 1)]);
        }

        var joined = output.Axes[at]!;
        if (joined.IsBatch)
        {
            return value;
        }

        // [batch · heads]: each row for all of its heads
        if (joined.HasTime || joined.Factors[0].Kind != FactorKind.Batch)
        {
            return null;
        }

        value = Unsqueeze(value, at + 1);
        var ones = Enumerable.Repeat(1L, output.Rank + 1).ToArray();
        ones[at + 1] = joined.FixedSize;
        value = _scope.Expand(value, _scope.Ints(ones));
        long[] shape = [.. Enumerable.Repeat(0L, at), -1];
        return at == output.Rank - 1 ? null : _scope.Reshape(
            value, _scope.Concat(0, _scope.Ints(shape), _scope.AddNode(
                OnnxModel.StandardDomain, "Shape", [value], new NodeAttribute.Int("start", at + 2))));
    }

    /// <summary>The triangle of a value whose rows belong to the new tokens.</summary>
    public GraphValue Triangle(Node node, GraphValue value, int rank, int batch)
    {
        // Column j of row i stays where j − i ≤ k, or ≥ k in the upper triangle.
        var offset = node.Inputs.Count > 1 && node.Inputs[1].Length > 0 ? whole(node.Inputs[1]) : _scope.Int(0);
        var limit = _scope.Add(inputs.TableRows, offset);
        long[] axes = [.. Enumerable.Range(0, rank).Where(axis => axis != batch && axis != rank - 2)
            .Select(axis => (long)axis)];
        limit = _scope.AddNode(OnnxModel.StandardDomain, "Unsqueeze", [limit, _scope.Ints(axes)]);
        var columns = _scope.Range(
            _scope.Int(0),
            _scope.AddNode(OnnxModel.StandardDomain, "Squeeze", [
                _scope.Gather(_scope.Shape(value), _scope.Ints(rank - 1)), _scope.Ints(0)]),
            _scope.Int(1));
        var isOpen = _scope.AddNode(
            OnnxModel.StandardDomain, AxisRules.Int(node, "upper", 1) == 1 ? "GreaterOrEqual" : "LessOrEqual",
            [columns, limit]);
        var type = (ElementType)facts[node.Outputs[0]].Type;
        return type == ElementType.Bool ? _scope.AddNode(OnnxModel.StandardDomain, "And", [isOpen, value])
            : _scope.AddNode(OnnxModel.StandardDomain, "Where", [
                isOpen, value, _scope.Cast(_scope.Int(0), type)]);
    }

    private RowsOfTable? Make(string value, int axis)
    {
        var info = facts[value];
        if (info.HasBatch)
        {
            // Rows that were only repeated for the batch are those before.
            return facts.Maker(value) is { OpType: "Expand" } repeated
                && axis - info.Rank + facts[repeated.Inputs[0]].Rank is >= 0 and var before
                && facts[repeated.Inputs[0]].Axes[before] is { IsTime: true } ? Find(repeated.Inputs[0], before) : null;
        }

        return info.Axes[axis] is { IsTime: true } ? new RowsOfTable(Push(value, axis) ?? Gather(value, axis), value)
            : null;
    }

    private GraphValue Gather(string value, int axis)
    {
        var rows = _scope.Gather(whole(value), inputs.TableRows, axis);
        return arrangement.Permute(
            rows, [axis, .. Enumerable.Range(0, axis), .. Enumerable.Range(axis + 1, facts[value].Rank - axis)]);
    }

    private GraphValue? Push(string value, int axis)
    {
        if (facts.Maker(value) is not { } node || !facts[value].IsKnown)
        {
            return null;
        }

        switch (node.OpType)
        {
            case "Range" when AxisRules.Parameter(node, 0, facts) is [0] && AxisRules.Parameter(node, 2, facts) is [1]:
                return inputs.TableRows;
            case "Trilu" when axis == facts[value].Rank - 2 && Rows(node.Inputs[0], axis, value) is { } full:
                return Triangle(node, full, facts[value].Rank + 1, batch: 0);
            case "Slice":
                return Slice(node, axis);
            case "Gather" when AxisRules.Int(node, "axis", 0) == 0 && !facts[node.Inputs[0]].HasTime
                && Rows(node.Inputs[1], axis, node.Inputs[1]) is { } indices:
                return Add(node, [whole(node.Inputs[0]), indices]);
            case "Expand":
                var small = facts[node.Inputs[0]];
                var own = axis - facts[value].Rank + small.Rank;
                var source = own >= 0 && small.Axes[own] is { IsTime: true }
                    ? Rows(node.Inputs[0], own, value) : whole(node.Inputs[0]);
                return source is null ? null : _scope.Expand(source.Value, arrangement.RowShape(
                    [.. facts[value].Axes.Select(one => one!)], axis));
            case "Unsqueeze" or "Squeeze" or "Transpose" or "Reshape":
                return Moved(node, axis);
            case var _ when AxisRules.IsElementwise(node) || node.OpType is "MatMul" or "Concat":
                return Operands(node, axis) is { } operands ? Add(Shifted(node, value), operands) : null;
            default:
                return null;
        }
    }

    private List<GraphValue>? Operands(Node node, int axis)
    {
        List<GraphValue> operands = [];
        var maps = AxisRules.Map(node, facts);
        for (var index = 0; index < node.Inputs.Count; index++)
        {
            var input = node.Inputs[index];
            var source = maps?[index] is { } map ? Array.IndexOf(map, axis) : -1;
            if (input.Length == 0)
            {
                operands.Add(default);
            }
            else if (source >= 0 && facts[input].Axes[source] is { IsTime: true })
            {
                if (Rows(input, source, node.Outputs[0]) is not { } rows)
                {
                    return null;
                }

                operands.Add(rows);
            }
            else if (node.OpType == "Concat")
            {
                return null;
            }
            else
            {
                operands.Add(whole(input));
            }
        }

        return operands;
    }

    // Rows of an operand, with axes of 1 behind the batch where the result has more axes.
    private GraphValue? Rows(string input, int axis, string result)
        => axis >= 0 && Find(input, axis) is { } rows
            ? Widen(rows.Value, facts[result].Rank - facts[rows.Source].Rank) : null;

    private GraphValue? Moved(Node node, int axis)
    {
        var source = node.Inputs[0];
        var from = facts[source];
        if (!from.IsKnown)
        {
            return null;
        }

        var time = Enumerable.Range(0, from.Rank).Where(at => from.Axes[at]!.HasTime).ToArray();
        var to = Enumerable.Range(0, facts[node.Outputs[0]].Rank)
            .Where(at => facts[node.Outputs[0]].Axes[at]!.HasTime).ToArray();
        if (node.OpType == "Reshape")
        {
            // Only axes of size 1 come or go.
            if (axis != to[0] || time.Length != to.Length
                || !from.Axes.Where(one => one!.Factors.Count > 0).SequenceEqual(
                    facts[node.Outputs[0]].Axes.Where(one => one!.Factors.Count > 0))
                || Find(source, time[0]) is not { Source: var origin } reshaped || origin != source)
            {
                return null;
            }

            return arrangement.Reshape(
                reshaped.Value, [Axis.Batch, .. from.Axes.Select(one => one!)],
                [Axis.Batch, .. facts[node.Outputs[0]].Axes.Select(one => one!)], Span.New);
        }

        var old = AxisRules.Map(node, facts) is [{ } map, ..] ? Array.IndexOf(map, axis) : -1;
        if (old < 0 || Find(source, old) is not { } rows || rows.Source != source)
        {
            return null;
        }

        switch (node.OpType)
        {
            case "Transpose":
                var order = AxisRules.Map(node, facts)![0]!;
                return arrangement.Permute(rows.Value, [
                    0, .. Enumerable.Range(0, from.Rank).Select(at => Array.IndexOf(order, at) + 1)]);
            default:
                var rank = Math.Max(from.Rank, facts[node.Outputs[0]].Rank);
                long[] axes = [.. AxisRules.Parameter(node, 1, facts)!
                    .Select(one => AxisRules.Positive(one, rank) + 1)];
                return _scope.AddNode(
                    OnnxModel.StandardDomain, node.OpType, [rows.Value, _scope.Ints(axes)]);
        }
    }

    // Of a constant table the first rows, as many as there are positions: rows are looked up in the table itself.
    private GraphValue? Slice(Node node, int axis)
    {
        if (AxisRules.Parameter(node, 3, facts) is not { } axes
            || (node.Inputs.Count > 4 && AxisRules.Parameter(node, 4, facts)?.All(step => step == 1) != true)
            || facts[node.Inputs[1]].Integers is not { } starts || facts[node.Inputs[2]].Integers is not { } ends)
        {
            return null;
        }

        var rank = facts[node.Inputs[0]].Rank;
        var at = Array.FindIndex(axes, one => AxisRules.Positive(one, rank) == axis);
        if (at < 0 || starts[at] is not { IsFixed: true, Value: 0 } || facts[node.Inputs[0]].HasTime)
        {
            return null;
        }

        int[] others = [.. Enumerable.Range(0, axes.Length).Where(index => index != at)];
        var table = whole(node.Inputs[0]);
        if (others.Length > 0)
        {
            table = _scope.AddNode(OnnxModel.StandardDomain, "Slice", [
                table, inputs.Sizes([.. others.Select(index => starts[index])], isScalar: false),
                inputs.Sizes([.. others.Select(index => ends[index])], isScalar: false),
                _scope.Ints([.. others.Select(index => axes[index])])]);
        }

        table = _scope.Gather(table, inputs.TableRows, axis);
        return arrangement.Permute(
            table, [axis, .. Enumerable.Range(0, axis), .. Enumerable.Range(axis + 1, rank - axis)]);
    }

    // An axis that is counted from the beginning is one further behind the batch.
    private Node Shifted(Node node, string value) => node.OpType != "Concat" ? node : node with
    {
        Attributes =
        [
            new NodeAttribute.Int(
                "axis", AxisRules.Positive(AxisRules.Int(node, "axis", 0), facts[value].Rank) - facts[value].Rank),
        ],
    };

    private GraphValue Add(Node node, IReadOnlyList<GraphValue> operands)
        => StepInputs.Scope(graph, node.Name).AddNode(node.Domain, node.OpType, operands, node.Attributes);

    private GraphValue Widen(GraphValue value, int count) => count <= 0 ? value : _scope.AddNode(
        OnnxModel.StandardDomain, "Unsqueeze", [
            value, _scope.Ints([.. Enumerable.Range(1, count).Select(axis => (long)axis)])]);

    private GraphValue Squeeze(GraphValue value, long axis)
        => _scope.AddNode(OnnxModel.StandardDomain, "Squeeze", [value, _scope.Ints(axis)]);

    private GraphValue Unsqueeze(GraphValue value, long axis)
        => _scope.AddNode(OnnxModel.StandardDomain, "Unsqueeze", [value, _scope.Ints(axis)]);
}
