using Slipway.Onnx;
using Slipway.Tracing.Recording;

namespace Slipway.Tracing.Operations;

/// <summary>Reads and writes <c>x[…]</c>.</summary>
internal static class IndexEmitter
{
    /// <summary>Reads the indices of a call, in each of its forms.</summary>
    public static IReadOnlyList<IndexRuns> Indices(OperationCall call)
    {
        if (call.Argument("indices") is TracedIndex[] indices)
        {
            TracedIndex[][] runs = [.. call.Every("indices").Select(value => (TracedIndex[])value!)];
            return [.. indices.Select((index, at) => IndexRuns.Of(call, [.. runs.Select(run => run[at])]))];
        }

        if (call.Tensors("indices") is { Count: > 0 } tensors)
        {
            return [.. tensors.Select(tensor => new IndexRuns(IndexKind.Tensor, null, null, 1, tensor))];
        }

        if (call.FindSizes("indices") is { } positions)
        {
            return [.. positions.Select(size => new IndexRuns(IndexKind.Position, size, null, 1, null))];
        }

        return [.. Enumerable.Range(1, 6).Select(index => call.FindSize($"i{index}")).OfType<TracedSize>()
            .Select(size => new IndexRuns(IndexKind.Position, size, null, 1, null))];
    }

    /// <summary>Adds the nodes that read.</summary>
    public static GraphValue Read(OperationCall call, IReadOnlyList<IndexRuns> indices, TracedTensor x)
        => Read(call, indices, x.Value, x.Rank);

    /// <summary>Adds the nodes that write a value or a number.</summary>
    public static GraphValue Write(OperationCall call)
    {
        var x = call.Subject();
        var indices = Indices(call);
        var value = call.Operand("value", call.Type);
        if (indices is [{ Kind: IndexKind.Tensor, Tensor: { Type: ElementType.Bool } mask }])
        {
            var isNumber = call.FindTensor("value") is not { } tensor
                || tensor.Shape.All(size => size.IsFixed && size.Value == 1);
            if (!isNumber)
            {
                throw new NotSupportedException(
                    "Values written where a mask is set have a size that depends on data. Use 'torch.where'.");
            }

            var axes = Enumerable.Range(mask.Rank, x.Rank - mask.Rank).Select(axis => (long)axis).ToArray();
            var wide = axes.Length == 0 ? mask.Value : call.Node("Unsqueeze", [mask.Value, call.Ints(axes)]);
            return call.Node("Where", [wide, call.Node("Reshape", [value, call.Ints(Array.Empty<long>())]), x.Value]);
        }

        return Replace(
            call, inner => Read(call, indices, inner, x.Rank), value, call.Flag("accumulate") ? "add" : "none");
    }

    /// <summary>Replaces the elements that a selection reads: the selection is made of their positions.</summary>
    /// <remarks>
    /// positions = select(reshape(0 … n − 1, shape)); scatter(flat, flatten(positions), flatten(expand(value)))
    /// </remarks>
    public static GraphValue Replace(
        OperationCall call, Func<GraphValue, GraphValue> select, GraphValue value, string reduction = "none")
        => Replace(call, call.Subject(), select, value, reduction);

    /// <summary>Replaces the elements of a tensor that a selection reads.</summary>
    public static GraphValue Replace(
        OperationCall call, TracedTensor x, Func<GraphValue, GraphValue> select, GraphValue value,
        string reduction = "none")
    {
        var count = x.Shape.Aggregate(x.Rank > 0 ? x.Shape[0].Fixed(1) : new TracedSize(1), (a, b) => a * b);
        var all = call.Node("Range", [
            call.Scope.Int(0), call.Node("Squeeze", [call.Ints(count), call.Ints(0)]), call.Scope.Int(1)]);
        var positions = select(call.Node("Reshape", [all, call.Ints(x.Shape)]));
        var spread = call.Node("Expand", [value, call.Node("Shape", [positions])]);
        var flat = call.Node("ScatterElements", [
            call.Node("Reshape", [x.Value, call.Ints(-1)]), call.Node("Reshape", [positions, call.Ints(-1)]),
            call.Node("Reshape", [spread, call.Ints(-1)])],
            new NodeAttribute.Int("axis", 0), new NodeAttribute.Text("reduction", reduction));
        return call.Node("Reshape", [flat, call.Ints(x.Shape)]);
    }

    /// <summary>Takes one position of an axis, which disappears.</summary>
    public static GraphValue Position(OperationCall call, GraphValue x, TracedSize index, int axis)
        => call.Node(
            "Gather", [
                x, index.IsFixed ? call.Scope.Int(index.Value)
                    : call.Node("Squeeze", [call.Ints(index), call.Ints(0)])],
            new NodeAttribute.Int("axis", axis));

    /// <summary>An index tensor as int64.</summary>
    public static GraphValue Integers(OperationCall call, TracedTensor index)
        => index.Type is ElementType.Bool or ElementType.UInt8
            ? throw new NotSupportedException(
                "A mask selects a number of elements that depends on data. Use 'torch.where' or 'masked_fill', or "
                + "multiply by the mask.")
            : call.Cast(index, ElementType.Int64);

    private static GraphValue Read(OperationCall call, IReadOnlyList<IndexRuns> indices, GraphValue value, int rank)
    {
        var items = Expand(indices, rank);
        value = Slices(call, items, value);
        var tensors = items.Where(item => item.Kind == IndexKind.Tensor).ToArray();
        if (tensors.Length > 0)
        {
            return Gather(call, items, value);
        }

        return Arrange(call, items, value);
    }

    private static List<IndexRuns> Expand(IReadOnlyList<IndexRuns> indices, int rank)
    {
        var named = indices.Where(item => item.Kind is IndexKind.Position or IndexKind.Range or IndexKind.Tensor)
            .Sum(item => item.Tensor is { Type: ElementType.Bool } mask ? mask.Rank : 1);
        IndexRuns whole = new(IndexKind.Range, null, null, 1, null);
        List<IndexRuns> items = [];
        foreach (var index in indices)
        {
            if (index.Kind == IndexKind.Ellipsis)
            {
                items.AddRange(Enumerable.Repeat(whole, rank - named));
                named = rank;
            }
            else if (index.Kind == IndexKind.Flag)
            {
                throw new NotSupportedException("Truth values as indices have no form in ONNX. Use 'unsqueeze'.");
            }
            else
            {
                items.Add(index);
            }
        }

        items.AddRange(Enumerable.Repeat(whole, rank - named));
        return items;
    }

    private static GraphValue Slices(OperationCall call, List<IndexRuns> items, GraphValue value)
    {
        var axis = 0;
        List<(int Axis, IndexRuns Index)> parts = [];
        foreach (var item in items.Where(item => item.Kind != IndexKind.NewAxis))
        {
            if (item is { Kind: IndexKind.Range }
                and not { Start: null or { IsFixed: true, Value: 0 }, Stop: null, Step: 1 })
            {
                parts.Add((axis, item));
            }

            axis++;
        }

        if (parts.Count == 0)
        {
            return value;
        }

        var any = parts.SelectMany(part => new[] { part.Index.Start, part.Index.Stop })
            .FirstOrDefault(size => size is not null) ?? new TracedSize(0);
        return call.Node("Slice", [
            value, call.Ints([.. parts.Select(part => part.Index.Start ?? any.Fixed(0))]),
            call.Ints([.. parts.Select(part => part.Index.Stop ?? any.Fixed(long.MaxValue))]),
            call.Ints([.. parts.Select(part => (long)part.Axis)]),
            call.Ints([.. parts.Select(part => part.Index.Step)])]);
    }

    // Positions drop their axes from the last to the first; then new axes come in.
    private static GraphValue Arrange(OperationCall call, List<IndexRuns> items, GraphValue value)
    {
        var axis = items.Count(item => item.Kind != IndexKind.NewAxis);
        foreach (var item in Enumerable.Reverse(items).Where(item => item.Kind != IndexKind.NewAxis))
        {
            axis--;
            if (item.Kind == IndexKind.Position)
            {
                value = Position(call, value, item.Start!, axis);
            }
        }

        long[] added = [.. items.Where(item => item.Kind != IndexKind.Position)
            .Select((item, at) => (item, at)).Where(pair => pair.item.Kind == IndexKind.NewAxis)
            .Select(pair => (long)pair.at)];
        return added.Length == 0 ? value : call.Node("Unsqueeze", [value, call.Ints(added)]);
    }

    private static GraphValue Gather(OperationCall call, List<IndexRuns> items, GraphValue value)
    {
        if (items.Exists(item => item.Kind == IndexKind.NewAxis))
        {
            throw new NotSupportedException("New axes beside index tensors have no form here. Use 'unsqueeze'.");
        }

        int[] axes = [.. items.Select((item, at) => (item, at))
            .Where(pair => pair.item.Kind is IndexKind.Tensor or IndexKind.Position).Select(pair => pair.at)];
        if (axes.Length == 1)
        {
            return call.Node(
                "Gather", [value, Integers(call, items[axes[0]].Tensor!)], new NodeAttribute.Int("axis", axes[0]));
        }

        // Indices of several axes are one index of the joined axes: GatherND(x, [.., axes]).
        TracedSize[] shape = [];
        foreach (var axis in axes)
        {
            if (items[axis].Tensor is { } tensor)
            {
                _ = Integers(call, tensor);
                shape = Broadcast(shape, tensor.Shape);
            }
        }

        var all = axes.Select(axis => call.Node("Unsqueeze", [
            call.Node("Expand", [
                items[axis].Tensor is { } tensor ? Integers(call, tensor) : call.Ints(items[axis].Start!),
                call.Ints(shape)]),
            call.Ints(-1)])).ToArray();
        var index = call.Node("Concat", all, new NodeAttribute.Int("axis", -1));
        long[] order = [.. axes.Concat(Enumerable.Range(0, items.Count).Except(axes)).Select(axis => (long)axis)];
        var moved = call.Node("Transpose", [value], new NodeAttribute.Ints("perm", order));
        var result = call.Node("GatherND", [moved, index]);

        // Indices of axes side by side leave their result there; others put it first.
        if (axes[^1] - axes[0] != axes.Length - 1 || axes[0] == 0)
        {
            return result;
        }

        var rest = items.Count - axes.Length;
        long[] back =
        [
            .. Enumerable.Range(shape.Length, axes[0]).Concat(Enumerable.Range(0, shape.Length))
                .Concat(Enumerable.Range(shape.Length + axes[0], rest - axes[0])).Select(axis => (long)axis),
        ];
        return call.Node("Transpose", [result], new NodeAttribute.Ints("perm", back));
    }

    private static TracedSize[] Broadcast(TracedSize[] left, IReadOnlyList<TracedSize> right)
    {
        var count = Math.Max(left.Length, right.Count);
        var shape = new TracedSize[count];
        for (var axis = 1; axis <= count; axis++)
        {
            var (a, b) = (axis <= left.Length ? left[^axis] : null, axis <= right.Count ? right[^axis] : null);
            shape[^axis] = a is null || (a.IsFixed && a.Value == 1 && b is not null) ? b! : a;
        }

        return shape;
    }
}

/// <summary>One index of <c>x[…]</c> over the runs.</summary>
internal sealed record IndexRuns(
    IndexKind Kind, TracedSize? Start, TracedSize? Stop, long Step, TracedTensor? Tensor)
{
    /// <summary>Puts the index of all runs together.</summary>
    public static IndexRuns Of(OperationCall call, TracedIndex[] runs)
    {
        var first = runs[0];
        return new IndexRuns(
            first.Kind, Size(runs, index => index.Start), Size(runs, index => index.Stop), first.Step ?? 1,
            first.Tensor is { } tensor ? call.Wrap(tensor) : null);
    }

    private static TracedSize? Size(TracedIndex[] runs, Func<TracedIndex, long?> read)
        => read(runs[0]) is null ? null : new TracedSize([.. runs.Select(run => read(run)!.Value)]);
}
