using Slipway.LanguageModels.Shapes;
using Slipway.Onnx;
using Slipway.Onnx.Operators;

namespace Slipway.LanguageModels.Caching;

/// <summary>Positions that an axis has in a graph of steps.</summary>
internal enum Span
{
    /// <summary>Those of the new tokens.</summary>
    New,

    /// <summary>All of the longest row.</summary>
    Whole,
}

/// <summary>Rearranges values by the factors of their axes.</summary>
internal sealed class Arrangement(NodeScope scope, StepInputs inputs)
{
    /// <summary>Reshapes to other axes of the same factors in the same order.</summary>
    /// <param name="value">The value.</param>
    /// <param name="from">Its axes.</param>
    /// <param name="to">The axes that it gets.</param>
    /// <param name="first">The positions of the first axis of time; others are whole.</param>
    public GraphValue Reshape(
        GraphValue value, IReadOnlyList<Axis> from, IReadOnlyList<Axis> to, Span first)
        => from.SequenceEqual(to) ? value
            : scope.Reshape(value, Shape(from, to, first));

    /// <summary>The shape for a reshape: kept sizes are 0, one that varies is −1, others are computed.</summary>
    public GraphValue Shape(IReadOnlyList<Axis> from, IReadOnlyList<Axis> to, Span first)
    {
        var isOpen = true;
        List<SizePart> parts = [];
        var span = first;
        for (var index = 0; index < to.Count; index++)
        {
            var axis = to[index];
            if (axis.IsFixed)
            {
                parts.Add(new(new SizeForm(axis.FixedSize, 0, 0, 0), span));
            }
            else if (index < from.Count && from[index].Equals(axis)
                && from.Take(index).Count(other => other.HasTime) == to.Take(index).Count(other => other.HasTime))
            {
                parts.Add(new(new SizeForm(0, 0, 0, 0), span));
            }
            else if (isOpen)
            {
                isOpen = false;
                parts.Add(new(new SizeForm(-1, 0, 0, 0), span));
            }
            else
            {
                parts.Add(Part(axis, span));
            }

            span = axis.HasTime ? Span.Whole : span;
        }

        return Vector(parts);
    }

    /// <summary>The shape of an expansion: 1 where an axis stays.</summary>
    public GraphValue Expansion(IReadOnlyList<Axis?> from, IReadOnlyList<Axis> to, Span first)
    {
        List<SizePart> parts = [];
        var span = first;
        for (var index = 0; index < to.Count; index++)
        {
            var old = index - to.Count + from.Count;
            parts.Add(old >= 0 && to[index].Equals(from[old])
                ? new(new SizeForm(1, 0, 0, 0), span) : Part(to[index], span));
            span = to[index].HasTime ? Span.Whole : span;
        }

        return Vector(parts);
    }

    /// <summary>The sizes [batch, …] of rows of a table, of which one axis has the new positions.</summary>
    public GraphValue RowShape(IReadOnlyList<Axis> axes, int rows) => Vector([
        Part(Axis.Batch, Span.Whole),
        .. axes.Select((axis, at) => Part(axis, at == rows ? Span.New : Span.Whole)),
    ]);

    /// <summary>Takes the rows of the new tokens out of a value with a batch axis.</summary>
    /// <param name="value">The value with all positions.</param>
    /// <param name="axes">Its axes, among which the factor of the batch occurs once.</param>
    /// <param name="time">The axis of which rows are taken.</param>
    public GraphValue? TakeRows(GraphValue value, IReadOnlyList<Axis> axes, int time)
    {
        // Every factor as an axis of its own; that of the batch and the one of time come to the front.
        List<Axis> apart = [];
        int row = -1, column = -1;
        for (var index = 0; index < axes.Count; index++)
        {
            foreach (var factor in axes[index].Factors.Count == 0 ? [Factor.Fixed(1)] : axes[index].Factors)
            {
                if (factor.Kind == FactorKind.Batch)
                {
                    row = row < 0 ? apart.Count : int.MaxValue;
                }
                else if (factor.Kind == FactorKind.Time && index == time)
                {
                    column = column < 0 ? apart.Count : int.MaxValue;
                }

                apart.Add(factor is { Kind: FactorKind.Fixed, Size: 1 } ? new Axis([]) : new Axis([factor]));
            }
        }

        if (row is < 0 or int.MaxValue || column is < 0 or int.MaxValue)
        {
            return null;
        }

        value = Reshape(value, axes, apart, Span.Whole);
        int[] order = [row, column, .. Enumerable.Range(0, apart.Count).Where(axis => axis != row && axis != column)];
        value = Permute(value, order);
        value = scope.AddNode(
            OnnxModel.StandardDomain, "GatherND", [value, scope.AddNode(
                OnnxModel.StandardDomain, "Unsqueeze", [inputs.TableRows, scope.Ints(-1)])],
            new NodeAttribute.Int("batch_dims", 1));
        value = Permute(value, [.. Enumerable.Range(0, order.Length).Select(axis => Array.IndexOf(order, axis))]);
        return Reshape(value, apart, axes, Span.New);
    }

    /// <summary>Puts axes into another order.</summary>
    public GraphValue Permute(GraphValue value, int[] order)
        => order.SequenceEqual(Enumerable.Range(0, order.Length)) ? value
            : scope.Transpose(value, [.. order.Select(axis => (long)axis)]);

    private static SizePart Part(Axis axis, Span span) => new(
        axis is { IsLonger: true } ? new SizeForm(1, 0, 1, axis.Factors[0].Size) : new SizeForm(
            axis.FixedSize, axis.Factors.Count(factor => factor.Kind == FactorKind.Batch),
            axis.Factors.Count(factor => factor.Kind == FactorKind.Time), 0), span);

    private GraphValue Vector(List<SizePart> parts)
    {
        if (parts.TrueForAll(part => part.Form.IsFixed))
        {
            return scope.Ints([.. parts.Select(part => part.Form.Value)]);
        }

        GraphValue[] values = [.. parts.Select(part => inputs.Size(part.Form, part.Span == Span.Whole))];
        return values.Length == 1 ? values[0] : scope.Concat(0, values);
    }

    private readonly record struct SizePart(SizeForm Form, Span Span);
}
